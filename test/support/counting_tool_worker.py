"""examples/tool-worker.py, whose path is the argument, with a line for each time that a tool is run."""

import importlib.util
import sys

spec = importlib.util.spec_from_file_location("tool_worker", sys.argv[1])
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)


def counted(tool):
    def run(args, call):
        print("ran", call.id, flush=True)
        return tool(args, call)

    return run


worker.TOOLS = {name: counted(tool) for name, tool in worker.TOOLS.items()}
worker.main()
