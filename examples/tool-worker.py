#!/usr/bin/env python3
"""A tool worker for runfleet in Python 3.8+, with the standard library alone.

    REDIS_URL=redis://localhost:6379 python3 examples/tool-worker.py

It serves the queue "tools" by BullMQ's own Lua scripts and by runfleet's, the very ones that the fleet runs
(examples/bullmq-lua and runfleet-lua, made by `npm run generate`). The job is as schemas/tool-job.schema.json says, the result as schemas/tool-result.schema.json.
Where PyPI can be reached, examples/tool_worker_bullmq.py does the same in forty lines.
"""

import json
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import unquote, urlparse

# ---------------------------------------------------------------- your tools


def get_weather(args, call):
    """Takes the arguments, and the call: its ids, and an event that is set when nobody waits any more."""
    city = args["city"]
    return {"city": city, "celsius": 4 + len(city) % 12, "sky": "rain"}


def wait_for_approval(args, call):
    # call.id stays the same when the call is run again: give it to whatever must happen once.
    if call.given_up.wait(timeout=float(args.get("seconds", 1))):
        return {"error": {"code": "withdrawn", "message": "Nobody waits for it any more."}}
    return "approved"


TOOLS = {"get_weather": get_weather, "wait_for_approval": wait_for_approval}
CONCURRENCY = 20

# ---------------------------------------------------------------- the worker

LOCK_MS = 5000
ALIVE_MS = LOCK_MS + 1000  # silent for longer, this worker counts as dead, and others take its calls
SETTLE_SECONDS = 5  # after an outage, all have so long to come back before any counts as dead
BEAT_SECONDS = 2
SERVED_MS = 60_000
HAND_OVER_MS = 200
HELD_MS = 2000
LOOK_SECONDS = 0.1
MAX_OUTPUT_BYTES = 1_048_576


class RedisError(Exception):
    """An answer of Redis that is an error; connection faults are OSErrors."""


class Redis:
    """One connection. It is opened again when it breaks; a command that was out is then sent again."""

    def __init__(self, url):
        self.url = urlparse(url)
        self.lock = threading.Lock()
        self.file = None
        self.lost, self.back_at = False, float("-inf")

    def command(self, *parts):
        with self.lock:
            while True:
                try:
                    if self.file is None:
                        self._connect()
                    return self._send(parts)
                except OSError:
                    self.file, self.lost = None, True
                    time.sleep(0.5)

    def settled(self):
        return time.monotonic() - self.back_at >= SETTLE_SECONDS

    def _connect(self):
        host, port = self.url.hostname or "localhost", self.url.port or 6379
        raw = socket.create_connection((host, port), timeout=10)
        if self.url.scheme == "rediss":
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        self.file = raw.makefile("rwb")
        if self.url.password:
            user = [unquote(self.url.username)] if self.url.username else []
            self._send(["AUTH", *user, unquote(self.url.password)])
        database = self.url.path.strip("/")
        if database:
            self._send(["SELECT", database])
        if self.lost:
            self.lost, self.back_at = False, time.monotonic()

    def _send(self, parts):
        encoded = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
        self.file.write(b"*%d\r\n" % len(encoded))
        for part in encoded:
            self.file.write(b"$%d\r\n%s\r\n" % (len(part), part))
        self.file.flush()
        return self._read()

    def _read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        length = int(rest)
        if length < 0:
            return None
        if kind == b"*":
            return [self._read() for _ in range(length)]
        body = self.file.read(length + 2)
        if len(body) != length + 2:
            raise ConnectionError("Redis closed the connection")
        return body[:-2].decode("utf-8", "replace")


def pack(value):
    """MessagePack, as far as BullMQ's options need it."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        body = value.encode()
        return b"\xdb" + struct.pack(">I", len(body)) + body
    items = b"".join(pack(key) + pack(item) for key, item in value.items())
    return b"\xdf" + struct.pack(">I", len(value)) + items


def now_ms():
    return int(time.time() * 1000)


class Call:
    def __init__(self, job_id, token, fields):
        self.job_id, self.token, self.fields = job_id, token, fields
        self.data = json.loads(fields["data"])
        self.id, self.run_id = self.data["tool_call_id"], self.data["run_id"]
        self.given_up = threading.Event()

    def answer(self):
        tool = TOOLS.get(self.data["name"])
        if tool is None:
            return failure("unknown_tool", "There is no tool of the name " + self.data["name"] + ".")
        try:
            args = json.loads(self.data["arguments"] or "{}")
        except ValueError:
            return failure("invalid_arguments", "The arguments are not JSON.")
        try:
            answer = answer_of(tool(args, self))
        except Exception as error:  # whatever a tool raises is for the model to read
            return failure("tool_failed", str(error) or type(error).__name__)
        too_large = len(answer.get("output", "").encode("utf-8", "surrogatepass")) > MAX_OUTPUT_BYTES
        return failure("output_too_large", "The tool's output is too large.") if too_large else answer


def answer_of(result):
    """An output, or an error: the forms of schemas/tool-result.schema.json that say all that can be said."""
    if isinstance(result, dict):
        error = result.get("error")
        if set(result) == {"error"} and isinstance(error, dict) and set(error) == {"code", "message"}:
            return failure(str(error["code"]), str(error["message"]))
        if set(result) == {"output"} and isinstance(result["output"], str):
            return result
    text = isinstance(result, str)
    return {"output": result if text else json.dumps(result, ensure_ascii=False, separators=(",", ":"))}


def failure(code, message):
    return {"error": {"code": code, "message": message.split("\n")[0][:300]}}


class Worker:
    def __init__(self, url, prefix):
        self.redis, self.blocking = Redis(url), Redis(url)
        self.prefix = prefix
        self.base = prefix + ":tools:"
        self.name = "python-" + uuid.uuid4().hex
        self.calls = {}
        self.stopping = threading.Event()
        self.places = threading.Semaphore(CONCURRENCY)
        folder = Path(__file__).resolve().parent
        self.scripts = {path.stem: path.read_text() for path in folder.glob("*-lua/*.lua")}

    def own(self, name, keys, *args):
        """A script of runfleet's own; its keys and arguments stand in src/adapters/tools/scripts.ts."""
        return self.redis.command("EVAL", self.scripts[name], len(keys), *keys, *args)

    def evaluation(self, name, keys, *args):
        return ["EVAL", self.scripts[name], len(keys), *[self.base + key for key in keys], *args]

    def script(self, name, keys, *args):
        return self.redis.command(*self.evaluation(name, keys, *args))

    def run(self):
        threading.Thread(target=self.keep_alive, daemon=True).start()
        while not self.stopping.is_set():
            self.places.acquire()
            try:
                call = self.next_call()
            except RedisError as error:
                print("Redis:", error, file=sys.stderr)
                time.sleep(1)
                call = None
            if call is None:
                self.places.release()
                continue
            at_work = self.calls.get(call.job_id)
            if at_work is not None:  # its lock was lost for a while, and given to this very process again
                at_work.token = call.token
                self.places.release()
                continue
            self.calls[call.job_id] = call
            threading.Thread(target=self.serve, args=[call], daemon=True).start()
        for _ in range(250):  # 25 s for what is in hand; then others run it again
            if not self.calls:
                break
            time.sleep(0.1)

    def passed_on(self):
        """A call that a worker with other tools has put back for a moment: whoever serves it need not wait."""
        for job_id in self.redis.command("ZRANGE", self.base + "delayed", 0, 49):
            if self.redis.command("HGET", self.base + job_id, "name") in TOOLS:
                return job_id

    def next_call(self):
        token = uuid.uuid4().hex
        keys = ["wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta", "pc", "marker"]
        options = pack({"token": token, "lockDuration": LOCK_MS, "name": self.name})
        take = self.evaluation("moveToActive", keys, self.base, now_ms(), options)
        passed_on = self.passed_on()
        if passed_on is None:
            fields, job_id, _, next_ms = self.redis.command(*take)
        else:
            # At one go: between the two, the other worker would take it again.
            keys = ["delayed", "wait", "paused", "meta", "prioritized", "active", "pc", "events", "marker"]
            self.blocking.command("MULTI")
            self.blocking.command(*self.evaluation("promote", keys, self.base, passed_on))
            self.blocking.command(*take)
            fields, job_id, _, next_ms = self.blocking.command("EXEC")[1]
        if fields:
            return Call(job_id, token, dict(zip(fields[::2], fields[1::2])))
        wait_seconds = min(LOOK_SECONDS, (next_ms - now_ms()) / 1000) if next_ms else LOOK_SECONDS
        if wait_seconds > 0:
            self.blocking.command("BZPOPMIN", self.base + "marker", max(0.01, wait_seconds))
        return None

    def serve(self, call):
        try:
            if call.data["name"] not in TOOLS and self.served(call.data["name"]):
                return self.put_back(call, HAND_OVER_MS)
            # The lock alone does not say who runs a call: a handler goes on when its worker has lost it.
            settled = "1" if self.redis.settled() else "0"
            what, *more = self.own("claimCall", [self.base + call.job_id, self.prefix + ":tool-workers"], self.name, settled)
            if what == "held":
                self.put_back(call, min(HELD_MS, more[0] + 1))
            elif what == "withdrawn":
                self.finish(call, failure("withdrawn", "Nobody waits for it any more."), {"count": 0})
            elif what == "answered":
                self.finish(call, {"kept": True}, keep_of(call))
            elif what == "run":
                self.work(call)
        except RedisError as error:
            print("could not finish", call.job_id, error, file=sys.stderr)
        finally:
            del self.calls[call.job_id]
            self.places.release()

    def work(self, call):
        started = now_ms()
        answer = call.answer()
        if call.given_up.is_set():
            return self.finish(call, answer, {"count": 0})
        self.keep(call, {"answer": answer, "startedAtMs": started, "endedAtMs": now_ms()})
        self.finish(call, {"kept": True}, keep_of(call))

    def keep(self, call, answer):
        """Before anything else, and until it is written: what was done once must not be done again."""
        while True:
            try:
                return self.own("keepAnswer", [self.base + call.job_id], json.dumps(answer))
            except RedisError as error:  # such as OOM
                print("Redis:", error, file=sys.stderr)
                time.sleep(1)

    def finish(self, call, result, keep):
        keys = ["wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta", "pc"]
        keys += ["completed", call.job_id, "metrics:completed", "marker"]
        options = {"token": call.token, "keepJobs": keep, "lockDuration": LOCK_MS, "attempts": 1, "maxMetricsSize": ""}
        options.update({"fpof": False, "cpof": False, "idof": False, "rdof": False, "name": self.name})
        args = [call.job_id, now_ms(), "returnvalue", json.dumps(result), "completed", 0, self.base, pack(options), ""]
        code = self.script("moveToFinished", keys, *args)
        if isinstance(code, int) and code < 0:
            print("another worker has taken over", call.job_id, code, file=sys.stderr)

    def put_back(self, call, delay_ms):
        keys = ["marker", "active", "prioritized", "delayed", call.job_id, "events", "meta", "stalled", "wait", "limiter", "pc"]
        self.script("moveToDelayed", keys, self.base, now_ms(), call.job_id, call.token, delay_ms, "1", "", 0, "")

    def served(self, name):
        until = self.redis.command("ZSCORE", self.prefix + ":tools-served", name)
        return until is not None and float(until) > now_ms()

    def keep_alive(self):
        while True:
            try:
                self.beat()
            except RedisError as error:  # such as LOADING, after a restart
                print("Redis:", error, file=sys.stderr)
            time.sleep(BEAT_SECONDS)

    def beat(self):
        self.own("beat", [self.prefix + ":tool-workers", self.prefix + ":tools-served"], self.name, ALIVE_MS, SERVED_MS, *TOOLS)
        for call in list(self.calls.values()):
            self.script("extendLock", [call.job_id + ":lock", "stalled"], call.token, LOCK_MS, call.job_id)
            if self.redis.command("HEXISTS", self.base + call.job_id, "withdrawn"):
                call.given_up.set()
        keys = ["stalled", "wait", "active", "stalled-check", "meta", "paused", "marker", "events", "repeat"]
        # A call whose worker died is run again, as often as it takes.
        self.script("moveStalledJobsToWait", keys, 1_000_000_000, self.base, now_ms(), BEAT_SECONDS * 1000)


def keep_of(call):
    """How long the finished job is kept, as whoever added it says."""
    keep = json.loads(call.fields.get("opts", "{}")).get("removeOnComplete")
    return keep if isinstance(keep, dict) else {"count": -1}


def main():
    worker = Worker(os.environ.get("REDIS_URL", "redis://localhost:6379"), os.environ.get("RUNFLEET_PREFIX", "{runfleet}"))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: worker.stopping.set())
    print("serving", ", ".join(TOOLS), flush=True)
    worker.run()


if __name__ == "__main__":
    main()
