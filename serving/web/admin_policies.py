"""/ui/admin/policies: packs uploaded, checked, tried on past complaints, made to hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Form, Request, Response, UploadFile

from data.errors import InputError, PolicyError
from data.taxonomy.schema import Taxonomy
from serving.api.policies import make_hold
from serving.api.state import State, StateDep
from serving.intake import now
from serving.policies import active
from serving.policies.active import MOST_REPLAYED
from serving.store import policies
from serving.store.faults import answering
from serving.store.rows.policies import PolicyActivationRow, PolicyPackRow
from serving.web.admin_changes import MOST_SHOWN, Words, told
from serving.web.admin_packs import (
    DEFAULT,
    Checked,
    Difference,
    Pack,
    checked,
    difference,
    found,
    holding,
)
from serving.web.admin_replays import Replays, Run
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.frame import Notice, is_htmx, page, redirect, router_for

router = router_for("/admin/policies")
HERE = "/ui/admin/policies"
_SIZES = (100, 200, 500, 1_000, MOST_REPLAYED)
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """The form of an upload, and what is wrong with it."""

    name: str = ""
    note: str = ""
    where: str = ""
    said: str = ""


def replays(request: Request) -> Replays:
    """The replays of this process."""
    app_state = request.app.state
    if not hasattr(app_state, "admin_replays"):
        app_state.admin_replays = Replays()
    kept: Replays = app_state.admin_replays
    return kept


@router.get("")
async def listed(request: Request, state: StateDep, _: Admin) -> Response:
    """Packs, the one that holds, and which held when."""
    return await _list(request, state, Sent())


@router.post("")
async def upload(
    request: Request,
    state: StateDep,
    user: Admin,
    files: list[UploadFile],
    name: Annotated[str, Form(max_length=200)] = "",
    note: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Check a pack and keep it; what is wrong with it is said beside the field."""
    sent = [(one.filename or "", await one.read(_LARGEST + 1)) for one in files]
    given = [(file, content) for file, content in sent if file]
    name = name.strip()

    def work() -> str:
        taxonomy = state.intake.pipeline.taxonomy
        with answering(), state.intake.store.session.begin() as session:
            row, _ = active.upload(session, name, given, note, taxonomy, user.actor, now())
            return row.id

    try:
        pack_id = await state.run(work)
    except PolicyError as error:
        wrong = Sent(name, note, error.field or "files", error.message)
        return await _list(request, state, wrong, status=422)
    return redirect(request, f"{HERE}/{pack_id}", Notice("规则包已检查并保存，尚未启用"))


@router.post("/activate")
async def activate(
    request: Request,
    state: StateDep,
    user: Admin,
    pack: Annotated[str, Form(max_length=26)] = "",
    why: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Make a pack hold from the next complaint on; its replay is kept with it."""
    pack_id = None if pack == DEFAULT else pack
    run = replays(request).of(pack)
    kept: dict[str, Any] = {}
    if run and run.found and run.activation == await state.run(partial(_number, state)):
        kept = run.found.summary()
    try:
        await state.run(lambda: make_hold(state, pack_id, why, kept, user.actor, now()))
    except PolicyError as error:
        raise PageError(f"该规则包与现行分类体系不符，没有启用：{error}") from error
    except InputError as error:
        raise PageError("请填写启用原因") from error
    if state.packs.pack_id != pack_id:
        said = Notice("已记录启用，但本服务未能采用，仍按原规则判定；原因见审计记录", "bad")
        return redirect(request, HERE, said)
    return redirect(request, HERE, Notice("已启用，从下一件投诉起生效"))


@router.get("/{key}")
async def shown(request: Request, key: str, state: StateDep, _: Admin) -> Response:
    """One pack: what checking it came to, what changes in the files, and in decisions."""
    context = await state.run(lambda: _pack_context(request, state, key))
    return page(request, "admin_policy.html", **context, **_replay_context(request, state, key))


@router.post("/{key}/replay")
async def replay(
    request: Request,
    key: str,
    state: StateDep,
    user: Admin,
    last: Annotated[int, Form(ge=1, le=MOST_REPLAYED)] = 200,
) -> Response:
    """Begin to decide the last complaints by this pack; the page asks how far it is."""

    def ready() -> Run:
        with answering(), state.intake.store.session() as session:
            pack = found(session, state, key)
            number, _ = policies.holding(session)
        after = checked(request, state, pack)
        if after.policies is None:
            raise PageError("该规则包没有通过检查，不能试算")
        before = state.intake.pipeline.policies
        return Run(key, last, user.actor, now(), number, before, after.policies)

    replays(request).begin(state, await state.run(ready))
    return redirect(request, f"{HERE}/{key}#replay")


@router.get("/{key}/replay")
async def progress(request: Request, key: str, state: StateDep, _: Admin) -> Response:
    """How far a replay is, then what it found."""
    run = replays(request).of(key)
    if is_htmx(request) and (run is None or run.ended):
        # The rest of the page says something else now, too.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    number = await state.run(partial(_number, state))
    context = _replay_context(request, state, key)
    return page(request, "admin_replay.html", key=key, activation=number, **context)


async def _list(request: Request, state: State, sent: Sent, *, status: int = 200) -> Response:
    def read() -> dict[str, Any]:
        with answering(), state.intake.store.session() as session:
            packs = list(policies.listed(session))
            history = list(policies.history(session))
            present = holding(session, state)
        return {"packs": packs, "history": _told(history, packs), "holding": present}

    context = await state.run(read)
    pipeline = state.intake.pipeline
    return page(
        request,
        "admin_policies.html",
        status=status,
        sent=sent,
        default=DEFAULT,
        stamp=pipeline.policies.at(now()).stamp,
        followed=state.packs.pack_id == context["holding"].id,
        **context,
    )


def _told(
    history: list[PolicyActivationRow], packs: list[PolicyPackRow]
) -> list[tuple[PolicyActivationRow, str]]:
    stamps = {row.id: row.stamp for row in packs}
    return [(row, stamps.get(row.pack_id or "", "随程序发布的规则包")) for row in history]


def _number(state: State) -> int:
    with answering(), state.intake.store.session() as session:
        return policies.holding(session)[0]


def _pack_context(request: Request, state: State, key: str) -> dict[str, Any]:
    with answering(), state.intake.store.session() as session:
        pack = found(session, state, key)
        present = holding(session, state)
        number, _ = policies.holding(session)
        history = [r for r in policies.history(session) if (r.pack_id or DEFAULT) == key]
    check = checked(request, state, pack)
    return {
        **_named(check, state.intake.pipeline.taxonomy),
        "pack": pack,
        "key": key,
        "holds": pack.id == present.id,
        "holding": present,
        "activation": number,
        "history": history,
        "check": check,
        "diff": _difference(pack, present),
        "sizes": [(size, f"最近 {size:,} 件") for size in _SIZES],
    }


def _named(check: Checked, taxonomy: Taxonomy) -> dict[str, list[tuple[str, int]]]:
    """Leads and levels of rules by name, the most frequent leads first."""
    if check.view is None or check.policies is None:
        return {"leads": [], "levels": []}
    words, view = Words(taxonomy, (check.policies,)), check.view
    leads = sorted(view.leads.items(), key=lambda item: -item[1])
    levels = view.rules_by_level.items()
    return {
        "leads": [(words.value("lead", code), count) for code, count in leads],
        "levels": [
            ("仅设标记" if code == "flag" else words.value("urgency", code), count)
            for code, count in levels
        ],
    }


def _difference(pack: Pack, present: Pack) -> Difference | None:
    return None if pack.id == present.id else difference(present.files, pack.files)


def _replay_context(request: Request, state: State, key: str) -> dict[str, Any]:
    run = replays(request).of(key)
    tried = None
    if run and run.found:
        tried = told(run.found, Words(state.intake.pipeline.taxonomy, (run.after, run.before)))
    return {"run": run, "tried": tried, "most_shown": MOST_SHOWN}
