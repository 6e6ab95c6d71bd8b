"""What happens to a case, told and asked."""

from __future__ import annotations

from suda_client import models
from suda_client.calls import Call, model
from suda_client.requests import EventReport, to_json

_EVENTS = "/v1/complaints/{complaint_id}/events"


def tell(complaint_id: str, event: EventReport) -> Call[models.Told]:
    """Say what happened; the same `event_id` again counts once."""
    return Call(
        "POST", _EVENTS, model(models.Told), {"complaint_id": complaint_id}, body=to_json(event)
    )


def timeline(complaint_id: str) -> Call[models.Timeline]:
    """The case with its clocks and events."""
    return Call("GET", _EVENTS, model(models.Timeline), {"complaint_id": complaint_id})
