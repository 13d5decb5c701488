"""The same as tool-worker.py, with BullMQ's own client: pip install bullmq

    REDIS_URL=redis://localhost:6379 python3 examples/tool_worker_bullmq.py

Written to the documentation of bullmq 2 for Python; the tests of this repository run tool-worker.py instead, because
they install nothing.
"""

import asyncio
import json
import os
import signal

from bullmq import Worker


async def get_weather(args):
    city = args["city"]
    return {"city": city, "celsius": 4 + len(city) % 12, "sky": "rain"}


TOOLS = {"get_weather": get_weather}


def failure(code, message):
    return {"error": {"code": code, "message": message[:300]}}


async def serve(job, token):
    tool = TOOLS.get(job.name)
    if tool is None:
        return failure("unknown_tool", "There is no tool of the name " + job.name + ".")
    try:
        args = json.loads(job.data["arguments"] or "{}")
    except ValueError:
        return failure("invalid_arguments", "The arguments are not JSON.")
    try:
        # job.data["tool_call_id"] is the idempotency key.
        return await tool(args)
    except Exception as error:
        return failure("tool_failed", str(error))


async def main():
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    options = {
        "connection": os.environ.get("REDIS_URL", "redis://localhost:6379"),
        "prefix": os.environ.get("RUNFLEET_PREFIX", "{runfleet}"),
        "concurrency": 20,
        "lockDuration": 5000,
        "stalledInterval": 2000,
        "maxStalledCount": 1_000_000_000,
    }
    worker = Worker("tools", serve, options)
    await stopping.wait()
    await worker.close()


asyncio.run(main())
