"""/ui/admin/models: what serves and what could, compared, promoted, tried, rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from fastapi.responses import FileResponse

from data.errors import ConflictError, InputError, NotFoundError, SudaError
from data.pii.mask import mask
from serving.api.state import State, StateDep
from serving.models import orders
from serving.models.canary import MOST
from serving.models.errors import ModelRefusedError, PinnedError
from serving.models.orders import Order
from serving.models.report import overview
from serving.security.roles import User
from serving.web.admin_suites import paired, path_of, refusal, suite_of
from serving.web.auth import Admin
from serving.web.errors import PageError
from serving.web.frame import HEADERS, Notice, audited, page, redirect, router_for
from serving.web.sentences import chinese

router = router_for("/admin/models")
HERE = "/ui/admin/models"

Why = Annotated[str, Form(max_length=200)]
Force = Annotated[bool, Form()]
_STEPS = {
    "load": "模型文件无法读取或已被改动",
    "taxonomy": "模型的分类体系与现行的不同，需重启服务",
    "self-test": "模型没有通过自检",
    "registry": "模型登记处无法写入",
}


@router.get("")
async def listed(request: Request, state: StateDep, _: Admin) -> Response:
    """What serves, what is tried, what is registered, and how that came about."""
    return page(request, "admin_models.html", **await _overview(state))


@router.get("/compare")
async def compare(
    request: Request,
    state: StateDep,
    _: Admin,
    one: Annotated[str, Query(max_length=128)] = "",
    other: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """Two versions side by side, by what the suite measured of each."""
    context = await _overview(state)
    names = [version["version"] for version in context["view"]["versions"]]
    suites = [await asyncio.to_thread(_suite, state, name) for name in (one, other)]
    pairs = paired(suites[0].rows, suites[1].rows) if suites[0] and suites[1] else []
    same = bool(pairs) and suites[0].verdict.cases == suites[1].verdict.cases  # type: ignore[union-attr]
    return page(
        request, "admin_models_compare.html",
        names=names, one=one, other=other, suites=suites, pairs=pairs, same=same,
    )  # fmt: skip


@router.get("/versions/{version}")
async def shown(request: Request, version: str, state: StateDep, _: Admin) -> Response:
    """One version: what the suite said of it, and what can be done with it."""
    return await _shown(request, state, version)


@router.get("/versions/{version}/suite.json")
async def suite_file(request: Request, version: str, state: StateDep, _: Admin) -> Response:
    """The whole stored result; recorded in the audit trail."""
    path = path_of(state.models.registry, await _known(state, version))
    if not await asyncio.to_thread(path.exists):
        raise NotFoundError("there is no result", field="version")
    await audited(request, "model.suite_downloaded", f"model:{version}")
    return FileResponse(path, filename=f"suite-{version}.json", headers=HEADERS)


@router.post("/versions/{version}/promote")
async def promote(
    request: Request,
    version: str,
    state: StateDep,
    user: Admin,
    why: Why = "",
    force: Force = False,
) -> Response:
    """Let a version serve; refused with the suite's reasons unless forced."""
    order = partial(orders.activate, state.models, version, _order(user, why, force=force))
    return await _ordered(request, state, version, order, "已启用，新的投诉由该模型判定")


@router.post("/versions/{version}/shadow")
async def shadow(
    request: Request, version: str, state: StateDep, user: Admin, why: Why = ""
) -> Response:
    """Let a version answer unheard."""
    order = partial(orders.shadow, state.models, version, _order(user, why or "影子运行"))
    return await _ordered(request, state, version, order, "已开始影子运行，不影响判定结果")


@router.post("/versions/{version}/canary")
async def canary(
    request: Request,
    version: str,
    state: StateDep,
    user: Admin,
    percent: Annotated[float, Form(gt=0, le=100 * MOST)],
    why: Why = "",
    force: Force = False,
) -> Response:
    """Let a version answer a share of all complaints."""
    order = _order(user, why, force=force)
    work = partial(orders.canary, state.models, version, percent / 100, order)
    return await _ordered(request, state, version, work, f"已开始灰度，{percent:g}% 的投诉由其判定")


@router.post("/rollback")
async def rollback(request: Request, state: StateDep, user: Admin, why: Why = "") -> Response:
    """Let the champion before this one serve again."""
    work = partial(orders.rollback, state.models, _order(user, why))
    return await _ordered(request, state, None, work, "已回退到上一版模型")


@router.post("/shadow/end")
async def end_shadow(request: Request, state: StateDep, user: Admin, why: Why = "") -> Response:
    """Nobody answers unheard any more."""
    work = partial(orders.shadow, state.models, None, _order(user, why or "结束影子运行"))
    return await _ordered(request, state, None, work, "已结束影子运行")


@router.post("/canary/end")
async def end_canary(request: Request, state: StateDep, user: Admin, why: Why = "") -> Response:
    """The champion answers everything again."""
    work = partial(orders.end_canary, state.models, _order(user, why or "结束灰度"))
    return await _ordered(request, state, None, work, "已结束灰度，全部由在用模型判定")


async def _ordered(
    request: Request, state: State, version: str | None, work: Callable[[], Any], done: str
) -> Response:
    """Do it; what the registry or the model itself refuses is said on the page it came from."""
    try:
        await asyncio.to_thread(work)
    except PinnedError as error:
        raise PageError("服务启动时已指定模型（SUDA_BUNDLE），不能在此更换", status=409) from error
    except ModelRefusedError as error:
        said = f"{_STEPS.get(error.step, error.step)}，没有更换；在用模型继续服务。"
        return await _refused(request, state, version, f"{said}（{chinese(error.message)}）")
    except ConflictError as error:
        return await _refused(request, state, version, refusal(error.message))
    except InputError as error:
        raise PageError("请填写原因") from error
    return redirect(request, HERE, Notice(done))


async def _refused(request: Request, state: State, version: str | None, said: str) -> Response:
    if version is not None:
        return await _shown(request, state, version, said, status=409)
    context = await _overview(state)
    return page(request, "admin_models.html", status=409, **{**context, "refused": said})


async def _shown(
    request: Request, state: State, version: str, refused: str = "", *, status: int = 200
) -> Response:
    await _known(state, version)
    context = await _overview(state)
    about = next(v for v in context["view"]["versions"] if v["version"] == version)
    suite = await asyncio.to_thread(_suite, state, version)
    return page(
        request, "admin_model.html", status=status, most=100 * MOST,
        **{**context, "about": about, "suite": suite, "refused": refused},
    )  # fmt: skip


async def _overview(state: State) -> dict[str, Any]:
    view = await asyncio.to_thread(overview, state.models)
    aliases = {name: v["version"] for v in view["versions"] for name in v["aliases"]}
    return {
        "view": view,
        "previous": aliases.get("previous"),
        "at": datetime.fromisoformat,
        "refused": "",
    }


def _suite(state: State, version: str) -> Any:
    if not version:
        return None
    try:
        if version not in state.models.registry.state().versions:
            return None
    except SudaError:
        return None
    return suite_of(state.models.registry, version, state.intake.pipeline.taxonomy)


async def _known(state: State, version: str) -> str:
    found = await asyncio.to_thread(state.models.registry.state)
    if version not in found.versions:
        raise NotFoundError("no such version", field="version")
    return version


def _order(user: User, why: str, *, force: bool = False) -> Order:
    if not why.strip():
        raise PageError("请填写原因")
    return Order(user.actor, mask(why.strip()).text, force)
