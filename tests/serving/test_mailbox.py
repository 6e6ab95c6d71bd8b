from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from serving.api.mailbox import Mailbox, mailbox


def test_each_call_arrives_once_in_the_order_of_its_thread() -> None:
    got: list[tuple[int, int]] = []

    async def main() -> None:
        inbox, over = mailbox(), asyncio.Event()
        expected = 4 * 2_000

        def arrive(thread: int, number: int) -> None:
            got.append((thread, number))
            if len(got) == expected:
                over.set()

        def send(thread: int) -> None:
            for number in range(2_000):
                inbox.put(lambda thread=thread, number=number: arrive(thread, number))  # type: ignore[misc]

        with ThreadPoolExecutor(4) as pool:
            for thread in range(4):
                pool.submit(send, thread)
            await asyncio.wait_for(over.wait(), 20)
        await asyncio.sleep(0.05)

    asyncio.run(main())
    for thread in range(4):
        assert [number for who, number in got if who == thread] == list(range(2_000))


def test_those_of_one_moment_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[int, int]:
        inbox, woken, called = mailbox(), 0, 0
        real = inbox.loop.call_soon_threadsafe

        def wake(*args: Any) -> Any:
            nonlocal woken
            woken += 1
            return real(*args)

        monkeypatch.setattr(inbox.loop, "call_soon_threadsafe", wake)

        def call() -> None:
            nonlocal called
            called += 1

        def send() -> None:
            for _ in range(50):
                inbox.put(call)

        thread = threading.Thread(target=send)
        thread.start()
        # The loop does not come to read before all are there.
        thread.join()
        await asyncio.sleep(0.01)
        # One put after the others were read rings again.
        inbox.put(call)
        await asyncio.sleep(0.01)
        return woken, called

    assert asyncio.run(main()) == (2, 51)


def test_each_loop_has_its_own() -> None:
    async def mine() -> Mailbox:
        assert mailbox() is mailbox()
        return mailbox()

    one, two = asyncio.run(mine()), asyncio.run(mine())
    assert one is not two
    # Nobody is left to read it, and nobody is told.
    one.put(lambda: None)
