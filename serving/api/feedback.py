"""POST /v1/feedback, GET /v1/feedback: what people decided, in and out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from data.errors import InputError, SudaError
from data.exchange.judgement import Judgement
from data.exchange.values import aware
from data.snapshot.record import LabelRecord, Role
from serving.api.answers.base import answers
from serving.api.answers.complaints import FeedbackAnswer, RecordsPage
from serving.api.problems import of_error, of_item
from serving.api.security import Requires, ReviewCaller
from serving.api.shown import ShownAs
from serving.api.state import State, StateDep
from serving.feedback import Taken, take
from serving.intake import now
from serving.security.audit import Record
from serving.store import audit, labels
from serving.store.faults import translated

router = APIRouter(prefix="/v1", tags=["feedback"])

T = TypeVar("T")
_Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=128, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
_Short = Annotated[_Name, StringConstraints(max_length=64)]
_Time = Annotated[datetime, AfterValidator(aware)]


class FeedbackItem(BaseModel):
    """What one person decided about one complaint."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "source": "phone",
                "external_id": "CC-20261122-0042",
                "labels": {"product": "B03026"},
                "who": "reviewer-17",
                "role": "review",
            }
        },
    )

    complaint_id: _Name | None = Field(None, description="Our id; or give external_id.")
    source: _Short | None = Field(None, description="With external_id: where it came in.")
    external_id: _Name | None = Field(None, description="The caller's own id of the complaint.")
    labels: dict[str, str] = Field(min_length=1, description="The right code, by head.")
    who: _Name = Field(description="Who decided: a staff number or name, or a system.")
    role: Role = Field("review", description="In what role; an adjudication goes before a review.")
    decided_at: _Time | None = Field(
        None, description="When; unset is now, without offset it is Asia/Shanghai."
    )
    comment: str | None = Field(None, max_length=4_000, description="Kept with names masked.")

    def judgement(self) -> Judgement:
        """As it is recorded. Raises InputError where no complaint is named."""
        if self.complaint_id is None and self.external_id is None:
            raise InputError("expected a complaint_id or an external_id", field="complaint_id")
        return Judgement(
            labels=self.labels,
            who=self.who,
            role=self.role,
            id=self.complaint_id,
            source=self.source,
            external_id=self.external_id,
            decided_at=self.decided_at,
            comment=self.comment,
        )


class FeedbackRequest(BaseModel):
    """Several decisions, each taken on its own."""

    model_config = ConfigDict(extra="forbid")

    items: list[Annotated[Any, ShownAs(FeedbackItem)]] = Field(
        min_length=1, description="Each is checked on its own."
    )


@router.post(
    "/feedback",
    summary="Record what people decided about complaints",
    responses=answers(FeedbackAnswer, "Per item its records or its problem"),
)
async def post_feedback(
    request: FeedbackRequest, state: StateDep, caller: ReviewCaller
) -> dict[str, Any]:
    """Answer in the order of the items: per item its `records`, or its `problem`.

    Records are only ever added. The same statement sent again adds none (`replayed`).
    """
    limit = state.settings.max_batch
    if len(request.items) > limit:
        raise InputError(f"expected at most {limit}, got {len(request.items)}", field="items")
    parsed = [_parse(item) for item in request.items]
    good = [item for item in parsed if isinstance(item, Judgement)]
    taken = iter(await state.run(lambda: _take(state, good, caller.actor)))
    items = [_answer(next(taken)) if isinstance(i, Judgement) else {"problem": i} for i in parsed]
    return {"items": items}


@router.get(
    "/feedback",
    summary="Label records, oldest first",
    dependencies=[Depends(Requires("review"))],
    responses=answers(RecordsPage, "A page of records"),
)
async def get_feedback(
    state: StateDep,
    since: Annotated[_Time | None, Query(description="Recorded at or after.")] = None,
    after: Annotated[int, Query(ge=0, le=2**62, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:
    """A page of records; `next` leads to the following page and is null on the last."""
    found = await state.run(
        lambda: _in_session(
            state, lambda session: labels.since(session, since, after=after, limit=limit + 1)
        )
    )
    page = found[:limit]
    return {
        "records": [record_json(record) for record in page],
        "next": page[-1].id if len(found) > limit else None,
    }


def record_json(record: LabelRecord) -> dict[str, Any]:
    """A label record as the interface shows it."""
    return {
        "id": record.id,
        "complaint_id": record.subject,
        "head": record.head,
        "code": record.code,
        "role": record.role,
        "who": record.who,
        "decided_at": record.decided_at.isoformat(),
        "model_code": record.model_code,
        "bundle": record.bundle,
        "comment": record.comment,
        "via": record.via,
        "selection": record.selection,
        "inclusion": record.inclusion,
    }


def _parse(item: Any) -> Judgement | dict[str, Any]:
    try:
        return FeedbackItem.model_validate(item).judgement()
    except ValidationError as error:
        return of_item(error)
    except InputError as error:
        return of_error(error)


def _take(state: State, items: Sequence[Judgement], actor: str) -> list[Taken | SudaError]:
    taxonomy = state.intake.pipeline.taxonomy

    def work(session: Session) -> list[Taken | SudaError]:
        moment = now()
        answers = take(session, items, taxonomy, moment, "api")
        records = [
            Record(actor, "labels.recorded", a.subject, _details(a))
            for a in answers
            if isinstance(a, Taken) and not a.replayed
        ]
        audit.append(session, records, moment)
        return answers

    return _in_session(state, work)


def _details(taken: Taken) -> dict[str, Any]:
    return {
        "who": taken.records[0].who,
        "role": taken.records[0].role,
        "labels": {record.head: record.code for record in taken.records},
    }


def _in_session(state: State, work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction; once more where another had written the same meanwhile."""
    sessions = state.intake.store.session
    try:
        try:
            with sessions.begin() as session:
                return work(session)
        except IntegrityError:
            with sessions.begin() as session:
                return work(session)
    except SQLAlchemyError as error:
        raise translated(error) from error


def _answer(taken: Taken | SudaError) -> dict[str, Any]:
    if isinstance(taken, SudaError):
        return {"problem": of_error(taken)}
    return {
        "complaint_id": taken.subject,
        "records": [record_json(record) for record in taken.records],
        "replayed": taken.replayed,
    }
