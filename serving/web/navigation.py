"""What stands on the left: sections and their pages, for those whose role may see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from serving.security.roles import Role, User


@dataclass(frozen=True, slots=True)
class Item:
    """A link of the navigation; shown to users who may see what `role` reads. What is `whole` is
    for those only whom no branch or department narrows.
    """

    title: str
    href: str
    role: Role
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the workbench. `icon` is the name of a picture in static/icons.svg."""

    title: str
    icon: str
    items: tuple[Item, ...]

    @property
    def href(self) -> str:
        """Where the section begins."""
        return self.items[0].href


SECTIONS: tuple[Section, ...] = (
    Section(
        "复核",
        "queue",
        (
            Item("复核队列", "/ui/queue", "reviewer", whole=True),
            Item("批量处理", "/ui/bulk", "reviewer", whole=True),
            Item("复核质量", "/ui/queue/quality", "lead", whole=True),
        ),
    ),
    Section("投诉单", "complaints", (Item("投诉单", "/ui/cases", "reviewer"),)),
    Section(
        "看板",
        "boards",
        (
            Item("今日", "/ui/boards", "reviewer"),
            Item("趋势", "/ui/boards/trends", "reviewer"),
            Item("热点", "/ui/boards/hotspots", "reviewer"),
            Item("部门", "/ui/boards/departments", "reviewer"),
            Item("时限", "/ui/boards/deadlines", "reviewer"),
            Item("人员", "/ui/boards/reviewers", "lead"),
            Item("模型", "/ui/boards/model", "reviewer"),
        ),
    ),
    Section("报表", "reports", (Item("报表", "/ui/reports", "lead"),)),
    Section(
        "管理",
        "admin",
        (
            Item("用户", "/ui/admin/users", "admin"),
            Item("密钥", "/ui/admin/keys", "admin"),
            Item("部门与机构", "/ui/admin/departments", "admin"),
            Item("规则包", "/ui/admin/policies", "admin"),
            Item("分类体系", "/ui/admin/taxonomy", "admin"),
            Item("模型", "/ui/admin/models", "admin"),
            Item("任务", "/ui/admin/jobs", "admin"),
            Item("投递失败", "/ui/admin/deliveries", "admin"),
            Item("审计", "/ui/admin/audit", "admin"),
            Item("系统", "/ui/admin/system", "admin"),
        ),
    ),
)


def visible(user: User, paths: Collection[str]) -> list[Section]:
    """The sections with the pages that there are (`paths`) and that the user may see."""
    shown = (
        replace(section, items=tuple(i for i in section.items if _shown(i, user, paths)))
        for section in SECTIONS
    )
    return [section for section in shown if section.items]


def _shown(item: Item, user: User, paths: Collection[str]) -> bool:
    theirs = user.everywhere or not item.whole
    return item.href in paths and theirs and user.may_see(item.role)


def current(path: str, sections: Collection[Section]) -> str | None:
    """The link that `path` belongs to: the longest that it begins with."""
    found = [
        item.href
        for section in sections
        for item in section.items
        if path == item.href or path.startswith(f"{item.href}/")
    ]
    return max(found, key=len, default=None)
