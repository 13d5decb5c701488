"""Receives runfleet's callbacks, with nothing but Python 3:

    RUNFLEET_CALLBACK_SECRET=whsec_... PORT=8080 python3 examples/receiver.py

The same secret as runfleet's; several, separated by commas, while it changes.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRETS = [each for each in os.environ.get("RUNFLEET_CALLBACK_SECRET", "").split(",") if each]
if not SECRETS:
    raise SystemExit("Set RUNFLEET_CALLBACK_SECRET.")
KEYS = [base64.b64decode(secret.removeprefix("whsec_")) for secret in SECRETS]
TOLERANCE_SECONDS = 300
MAX_BYTES = 1_000_000
# What has been taken. Yours belongs into a database, with the work: the same callback may come twice.
TAKEN = set()


def is_genuine(headers, body):
    """Whether runfleet has sent this, just now."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    # Over the bytes as they came: JSON that is parsed and written again is another text.
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in KEYS]
    given = [each.removeprefix("v1,").encode() for each in headers.get("webhook-signature", "").split() if each.startswith("v1,")]
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            return self.answer(400)
        message_id = self.headers["webhook-id"]
        if message_id not in TAKEN:
            TAKEN.add(message_id)
            message = json.loads(body)
            data = message["data"]
            text = data["output_text"] or (data["error"] or {}).get("message", "")
            print(f"{message['type']} {data['id']}: {text}", flush=True)
        # Answer first, work later: after 15 seconds it counts as failed.
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
