"""GET /v1/taxonomy: the labels with their definitions, for forms, pages and documents."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from data.taxonomy.schema import Head, Taxonomy
from serving.api.answers.base import answers
from serving.api.answers.complaints import TaxonomyAnswer
from serving.api.security import Requires
from serving.api.state import StateDep

router = APIRouter(prefix="/v1", tags=["taxonomy"])


@router.get(
    "/taxonomy",
    summary="Heads and labels the service answers with",
    dependencies=[Depends(Requires("intake", "review", "admin", "audit", departments=True))],
    responses=answers(TaxonomyAnswer, "Heads, labels, and codes of fields"),
)
async def get_taxonomy(state: StateDep) -> dict[str, Any]:
    """The taxonomy of the serving bundle."""
    return taxonomy_json(state.intake.pipeline.taxonomy)


def taxonomy_json(taxonomy: Taxonomy) -> dict[str, Any]:
    """The taxonomy as one object; trees as flat lists with `parent`."""
    return {
        "id": taxonomy.id,
        "version": taxonomy.stamp,
        "title": taxonomy.title,
        "codes_status": taxonomy.codes_status,
        "heads": [_head(head) for head in taxonomy.heads],
        "fields": {
            name: {
                "title": codes.title,
                "codes": [{"code": c, "name": n} for c, n in codes.codes.items()],
            }
            for name, codes in taxonomy.fields.items()
        },
    }


def _head(head: Head) -> dict[str, Any]:
    return {
        "name": head.name,
        "kind": head.kind,
        "title": head.title,
        "labels": [
            {
                "code": label.code,
                "official_code": label.official,
                "name": label.name,
                "parent": label.parent,
                "path": list(head.path(label.code)),
                "leaf": label.code in head.leaf_index,
                "definition": label.definition,
                "includes": list(label.includes),
                "excludes": list(label.excludes),
                "examples": list(label.examples),
            }
            for label in head
        ],
    }
