"""/ and /ui: to the first page the user may see."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from serving.web import navigation
from serving.web.auth import Anyone, Visitors
from serving.web.frame import page, redirect, router_for
from serving.web.paths import HOME

root = APIRouter(include_in_schema=False)
router = router_for("")


@root.get("/", dependencies=[Depends(Visitors())])
async def start(request: Request) -> Response:
    """People who type the bare address want the pages."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{HOME}", 307)


@router.get("")
async def home(request: Request, user: Anyone) -> Response:
    """The first page of the navigation."""
    sections = navigation.visible(user, request.app.state.web_paths)
    return redirect(request, sections[0].href) if sections else page(request, "home.html")
