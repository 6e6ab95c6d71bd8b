"""A store whose decisions go to departments, and a courier with a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from serving.outbox import departments, orders
from serving.outbox.courier import Courier, Terms
from serving.outbox.departments import Change, Directory
from serving.outbox.sender import HttpSender, Sender
from serving.store import outbox
from serving.store.outbox import Filter
from serving.store.rows.outbox import OutboxRow
from serving.store.store import Store
from tests.cases.kit import opened, tried
from tests.triage.build import NOW, policies, policy

__all__ = ["NOW"]

SECRET = "s" * 32
LEAD = "credit_card_center"


@dataclass
class Bank:
    """The store, who is told, and what time it is."""

    store: Store
    now: datetime = NOW
    results: list[str] = field(default_factory=list)
    directory: Directory = field(init=False)

    def __post_init__(self) -> None:
        self.directory = Directory(
            self.store.session, lambda when: policies().at(when), lambda: self.now
        )
        self.store.attach(orders.writer(lambda: self.directory.told, lambda: self.now))

    def tell(self, url: str, code: str = LEAD, secret: str | None = SECRET) -> None:
        """Give a department a webhook."""
        self.change(code, Change(webhook=url, secret=secret))

    def change(self, code: str, change: Change) -> str | None:
        made: str | None = tried(
            self.store,
            lambda s: departments.change(s, policy(), code, change, "admin", self.now),
        )
        self.directory.refresh()
        return made

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def messages(self, state: str | None = None) -> list[OutboxRow]:
        """The messages there are, the first one first."""
        with self.store.session() as session:
            return outbox.page(session, Filter(state=state), 1000)[::-1]

    def run(
        self,
        work: Callable[[Courier], Awaitable[None]],
        *,
        sender: Sender | None = None,
        terms: Terms | None = None,
        draw: float = 1.0,
    ) -> None:
        """Run `work` with a courier; `draw` is what chance says."""

        async def main(executor: ThreadPoolExecutor) -> None:
            bringing = sender or HttpSender(timeout=1.0, private=True)
            courier = Courier(
                self.store.session,
                lambda when: policies().at(when),
                bringing,
                executor,
                terms or Terms(attempts=4, base=10.0, lease=30.0, poll=0.02),
                clock=lambda: self.now,
                draw=lambda: draw,
                on_done=self.results.append,
            )
            await work(courier)
            await bringing.close()

        with ThreadPoolExecutor(2) as executor:
            asyncio.run(main(executor))

    def deliver(self, **given: object) -> list[str]:
        """Deliver all that is due; what came of each attempt."""
        self.results.clear()
        self.run(lambda courier: courier.once(), **given)  # type: ignore[arg-type]
        return list(self.results)


@contextmanager
def banking(url: str, text_key: str | None = None) -> Iterator[Bank]:
    """A bank on an empty database."""
    with opened(url, text_key) as store:
        yield Bank(store)
