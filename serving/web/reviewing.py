"""What the review's pages share: who asks, with which desk, in which transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from serving.api.state import State, StateDep
from serving.review.desk import Desk, Reviewer, Terms
from serving.review.transaction import writing
from serving.security.roles import User
from serving.web.auth import session_of
from serving.web.errors import PageError

T = TypeVar("T")


async def get_desk(state: StateDep) -> Desk:
    """The desk with what serves now."""
    pipeline = state.intake.pipeline
    return Desk(pipeline.taxonomy, pipeline.policies, Terms.of(state.settings))


DeskDep = Annotated[Desk, Depends(get_desk)]


async def check_everywhere(request: Request) -> None:
    """The queue goes over all branches and departments. Raises PageError for whom one narrows."""
    session = session_of(request)
    if session is not None and not session.user.everywhere:
        raise PageError("复核面向全行，限定了机构或部门的账号不能进入", status=403)


def reviewer_of(user: User) -> Reviewer:
    """Who reviews; whoever is a lead or more adjudicates too."""
    return Reviewer(user.login, user.at_least("lead"))


async def read(state: State, work: Callable[[Session], T]) -> T:
    """Run `work` on a session that writes nothing."""

    def run() -> T:
        with state.intake.store.session() as session:
            return work(session)

    return await state.run(run)


async def write(state: State, work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction."""

    def run() -> T:
        with writing(state.intake.store.session) as session:
            return work(session)

    return await state.run(run)
