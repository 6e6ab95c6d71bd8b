"""Two decisions on one complaint, field by field: codes and confidences, never a word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from serving.store.shadow import Result

HEAD, URGENCY, LEAD, REVIEW = "head:", "urgency", "lead", "review"


def compared(
    complaint_id: str, champion: Mapping[str, Any], shadow: Mapping[str, Any], at: datetime
) -> Result:
    """Compare two answers, as `serving.answer.decision_json` makes them.

    Fields: `head:<name>`, what the model itself says; `urgency`, the level after all rules, where
    there is one; `lead`, the department; `review`, whether a person must look.
    """
    one, other = _fields(champion), _fields(shadow)
    both: dict[str, dict[str, Any]] = {}
    for field in dict.fromkeys((*one, *other)):
        (code, confidence), (second, other_confidence) = (
            side.get(field, (None, None)) for side in (one, other)
        )
        both[field] = {"champion": code, "shadow": second}
        if confidence is not None or other_confidence is not None:
            both[field] |= {
                "champion_confidence": confidence,
                "shadow_confidence": other_confidence,
            }
    return Result(
        complaint_id,
        shadow["versions"]["model"],
        champion["versions"]["model"],
        at,
        both,
        {field: values["champion"] == values["shadow"] for field, values in both.items()},
    )


def _fields(answer: Mapping[str, Any]) -> dict[str, tuple[Any, float | None]]:
    found: dict[str, tuple[Any, float | None]] = {}
    for name, label in answer["labels"].items():
        found[f"{HEAD}{name}"] = (label.get("model_code") or label["code"], label["confidence"])
        if "model_code" in label:
            found[URGENCY] = (label["code"], None)
    found[LEAD] = (answer["routing"]["lead"]["code"], None)
    found[REVIEW] = (answer["review"]["needed"], None)
    return found
