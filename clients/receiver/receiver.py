"""A department's end of the webhook, in forty lines of the standard library: an example.

    SUDA_WEBHOOK_SECRET=whsec_… python receiver.py 8080

Answer 2xx only once the work order is safe with you: anything else, or silence, and it comes again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST, TOLERANCE = 10_000_000, 300


def signed(secret: str, header: str, body: bytes, now: float) -> bool:
    """Whether `Suda-Signature: t=<unix time>,v1=<hex>[,v1=…]` signs exactly these bytes, lately."""
    found = re.fullmatch(r"t=(\d{1,12})((?:,v1=[0-9a-f]{64})+)", header)
    if found is None or abs(now - int(found[1])) > TOLERANCE:
        return False
    wanted = hmac.new(secret.encode(), f"{found[1]}.".encode() + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(wanted, one) for one in found[2].split(",v1=")[1:])


def receiver(secret: str, keep: Callable[[str, dict[str, object]], None]) -> type:
    """A handler; `keep` stores a work order by its id, and does nothing for one it has already."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
            if not signed(secret, self.headers.get("Suda-Signature", ""), body, time.time()):
                self.send_error(400, "not signed with our secret, or too long ago")
                return
            keep(self.headers["Idempotency-Key"], json.loads(body))
            self.send_response(204)
            self.end_headers()

    return Receiver


if __name__ == "__main__":
    kept: dict[str, dict[str, object]] = {}  # a table of yours, with the id as its key
    handler = receiver(os.environ["SUDA_WEBHOOK_SECRET"], kept.setdefault)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
