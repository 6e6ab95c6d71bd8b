"""What people do at the workbench, one kind of request after the other."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from benchmarks.rig.workbench import Visited, Workbench
from serving.pipeline import Pipeline
from serving.store.base import table_of
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.review import BandRow, ItemRow
from serving.store.rows.web import UserRow
from serving.store.tables import ComplaintRow, DecisionRow

PAGES: Final = (
    "/ui/boards",
    "/ui/boards?branch=城东支行",
    "/ui/boards/trends",
    "/ui/boards/trends?along=lead&step=day",
    "/ui/boards/hotspots",
    "/ui/boards/departments",
    "/ui/boards/departments?by=branch&days=365",
    "/ui/boards/deadlines",
    "/ui/boards/deadlines?days=365",
    "/ui/boards/reviewers",
    "/ui/boards/model",
    "/ui/cases",
    "/ui/cases?clock=statutory:overdue&sort=due",
    "/ui/cases?review=waiting&sort=priority&page=20",
    "/ui/cases?page=50",
    "/ui/cases?judged=product:changed",
    "/ui/reports",
    "/ui/reports?table=product",
    "/ui/reports?table=product_reason",
    "/ui/reports/download?format=xlsx",
    "/ui",
    "/ui/account",
    "/ui/queue",
    "/ui/queue?page=2",
    "/ui/queue?urgency={urgency}&channel={channel}",
    "/ui/queue?product={product}",
    "/ui/queue?kind=audit",
    "/ui/queue?why=low_confidence",
    "/ui/queue?find={id}",
    "/ui/queue?find={external}",
    "/ui/queue?find=not-there",
    "/ui/queue/quality",
    "/ui/bulk",
    "/ui/bulk?product={product}",
    "/ui/bulk?like={waiting}",
    "/ui/queue/items/{item}",
    "/ui/find?q={id}",
    "/ui/find?q={external}",
    "/ui/find?q=not-there",
    "/ui/complaints/{id}",
    "/ui/complaints/{id}/related",
    "/ui/complaints/{id}/explain",
    "/ui/complaints/{id}/replay",
    "/ui/reports/snapshots",
    "/ui/admin/users",
    "/ui/admin/users/{user}",
    "/ui/admin/keys",
    "/ui/admin/departments",
    "/ui/admin/branches",
    "/ui/admin/policies",
    "/ui/admin/models",
    "/ui/admin/deliveries",
    "/ui/admin/jobs",
    "/ui/admin/shadow",
    "/ui/admin/taxonomy",
    "/ui/admin/audit",
)
ACTIONS: Final = ("claim next", "preview", "heartbeat", "submit and claim next")


@dataclass
class Tour:
    """Draws what a page is asked about from the store, another each time."""

    bench: Workbench
    engine: Engine
    pipeline: Pipeline
    random: random.Random

    def __post_init__(self) -> None:
        """Read what there is."""
        with Session(self.engine) as session:
            self.cases = session.execute(select(CaseRow.complaint_id, CaseRow.product)).all()
            open_items = select(ItemRow.id, ItemRow.complaint_id).where(ItemRow.state == "open")
            self.items = session.execute(open_items).all()
            external = select(ComplaintRow.external_id).limit(5_000)
            self.externals = [one or "" for one in session.scalars(external)]
            self.users = list(session.scalars(select(UserRow.id)))
        self.held = ""

    def pages(self) -> Iterator[tuple[str, Callable[[], Visited]]]:
        """Each page once, those that there are."""
        for path in PAGES:
            yield path, lambda path=path: self.bench.get(path.format(**self._given()))  # type: ignore[misc]

    def actions(self) -> Iterator[tuple[str, Callable[[], Visited]]]:
        """What is done to an item, from claim to word."""
        yield from zip(
            ACTIONS, (self.claim, self.preview, self.heartbeat, self.submit), strict=True
        )

    def claim(self) -> Visited:
        """The next item, none being held."""
        if self.held:
            self.bench.post(f"/ui/queue/items/{self.held}/release", {})
        return self._holding(self.bench.post("/ui/queue/next", {"wanted": {}}))

    def preview(self) -> Visited:
        """What another choice would come to."""
        with Session(self.engine) as session:
            blind = session.get_one(ItemRow, self.held).blind
        item = self.held if not blind else self.random.choice(self._open())
        return self.bench.post(f"/ui/queue/items/{item}/preview", {"labels": self._labels(item)})

    def heartbeat(self) -> Visited:
        """Still here."""
        return self.bench.post(f"/ui/queue/items/{self.held}/heartbeat", {})

    def submit(self) -> Visited:
        """Another product than the model's half of the time."""
        with Session(self.engine) as session:
            version = session.get_one(ItemRow, self.held).version
        body = {"labels": self._labels(self.held), "version": version, "why_below": "测速"}
        return self._holding(self.bench.post(f"/ui/queue/items/{self.held}/submit", body))

    def change(self) -> None:
        """One complaint comes in and one is looked after, as between two visits of a busy hour."""
        now = datetime.now(UTC)
        id_ = str(ULID())
        with Session(self.engine) as session, session.begin():
            model = self.random.choice(self.cases)[0]
            for row, key, more in (
                (ComplaintRow, "id", {"external_id": id_, "received_at": now, "created_at": now}),
                (DecisionRow, "id", {"complaint_id": id_, "created_at": now}),
                (CaseRow, "complaint_id", {"received_at": now, "updated_at": now}),
                (ClockRow, "complaint_id", {}),
            ):
                table: Any = table_of(row)
                for found in session.execute(select(table).where(table.c[key] == model)).mappings():
                    session.execute(insert(table).values({**found, key: id_, **more}))
            changed = self.random.choice(self.cases)[0]
            session.execute(
                update(CaseRow)
                .where(CaseRow.complaint_id == changed)
                .values(bounces=CaseRow.bounces + 1, updated_at=now)
            )

    def _given(self) -> dict[str, str]:
        taxonomy, roles = self.pipeline.taxonomy, self.pipeline.policies.at(datetime.now(UTC)).roles
        id_, product = self.random.choice(self.cases)
        item, waiting = self.random.choice(self.items)
        channels = taxonomy.fields["channel"].codes
        return {
            "id": id_,
            "product": product or "",
            "item": item,
            "waiting": waiting,
            "external": self.random.choice(self.externals),
            "user": self.bench.user_id,
            "urgency": self.random.choice(taxonomy[roles.urgency or ""].leaves),
            "channel": self.random.choice(list(channels)),
        }

    def _holding(self, visited: Visited) -> Visited:
        url = visited.answer.json()["url"]
        self.held = url.rpartition("/")[2].partition("?")[0]
        return visited

    def _open(self) -> list[str]:
        with Session(self.engine) as session:
            query = select(ItemRow.id).where(ItemRow.state == "open", ItemRow.blind.is_(False))
            return list(session.scalars(query.limit(200)))

    def _labels(self, item: str) -> dict[str, str]:
        with Session(self.engine) as session:
            complaint_id = session.get_one(ItemRow, item).complaint_id
            bodies = session.scalars(
                select(DecisionRow.body)
                .where(DecisionRow.complaint_id == complaint_id)
                .order_by(DecisionRow.id)
            )
            said = orjson.loads(next(iter(bodies)))["labels"]
        found = {}
        for head in self.pipeline.taxonomy.heads:
            code = said[head.name]["code"]
            other = self.random.random() < 0.25 or code not in head.leaf_index
            found[head.name] = self.random.choice(head.leaves) if other else code
        return found


def contents(engine: Engine) -> dict[str, int]:
    """How many rows there are of what pages are made of."""
    with Session(engine) as session:
        counted = {
            row.__tablename__: session.scalar(select(func.count()).select_from(row)) or 0
            for row in (CaseRow, ClockRow, ItemRow, BandRow, DecisionRow)
        }
        counted["open items"] = (
            session.scalar(select(func.count()).where(ItemRow.state == "open")) or 0
        )
    return counted
