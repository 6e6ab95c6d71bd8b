"""A department's receiver that is slow, lies, hangs up, or is well."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType

MUTE, ENDLESS, LYING, RUDE, WELL = "mute", "endless", "lying", "rude", "well"
MOODS = (MUTE, ENDLESS, LYING, RUDE)

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Receiver:
    """Listens on a thread of its own while it is entered.

    `heard` are the idempotency keys of what came whole, whatever was answered; `mood` may be
    changed at any time.
    """

    def __init__(self) -> None:
        self.mood = WELL
        self.heard: set[str] = set()
        self.calls = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/orders"
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One call; whether the connection may be used for another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = (line.partition(": ") for line in head.split("\r\n")[1:])
        headers = {name.lower(): value for name, _, value in lines}
        await reader.readexactly(int(headers.get("content-length", "0")))
        self.calls += 1
        self.heard.add(headers.get("idempotency-key", ""))
        mood = self.mood
        if mood == WELL:
            writer.write(_OK)
        elif mood == MUTE:
            await reader.read()
        elif mood == ENDLESS:
            writer.write(_ENDLESS)
            while not writer.is_closing():
                writer.write(b"400\r\n" + b"a" * 1024 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        elif mood == LYING:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\nnot all of it")
        return mood == WELL
