"""The same texts through a running service: its decisions must be those made in process."""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from data.errors import InputError, NotReadyError
from data.records import Complaint
from eval.suite.answers import Answered
from eval.suite.result import Served
from serving.triage.types import Decision

Post = Callable[[str, bytes, Mapping[str, str]], bytes]
_BATCH = 32
_TIMEOUT = 120.0
# What a busy service says; it is asked again, so many times and after so long.
_BUSY = (429, 503, 504)
_TRIES = 6
_PAUSE = 2.0


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Send JSON and return the answer's body. Raises NotReadyError or InputError with the reason.

    No proxy is asked: the service is on the intranet.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers))  # noqa: S310 - checked
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        if error.code in _BUSY:
            raise NotReadyError(f"the service answered {error.code}", field=url) from error
        hint = ": set SUDA_API_KEY to a key that may classify" if error.code in (401, 403) else ""
        raise InputError(f"the service answered {error.code}{hint}", field=url) from error
    except (urllib.error.URLError, TimeoutError) as error:
        raise NotReadyError(f"cannot be reached: {error}", field=url) from error


@dataclass(frozen=True)
class Service:
    """A running service; `key` is sent as a bearer token where there is one."""

    url: str
    key: str | None = field(default=None, repr=False)
    post: Post = post
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise InputError("expected an http or https address", field="url")

    def classify(self, complaints: Sequence[Complaint]) -> Iterator[dict[str, Any]]:
        """The answer to each complaint, in order: its `decision`, or its `problem`.

        Raises NotReadyError where the service stays too busy, or is not there.
        """
        for start in range(0, len(complaints), _BATCH):
            items = [_sent(each) for each in complaints[start : start + _BATCH]]
            answers = self._ask(items)
            for tried in range(1, _TRIES):
                busy = [i for i, answer in enumerate(answers) if _busy(answer)]
                if not busy:
                    break
                self.sleep(_PAUSE * tried)
                for i, answer in zip(busy, self._ask([items[i] for i in busy]), strict=True):
                    answers[i] = answer
            yield from answers

    def _ask(self, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        url = f"{self.url.rstrip('/')}/v1/classify/batch"
        body = orjson.dumps({"items": items})
        for tried in range(1, _TRIES):
            try:
                return list(orjson.loads(self.post(url, body, headers))["items"])
            except NotReadyError:
                self.sleep(_PAUSE * tried)
        return list(orjson.loads(self.post(url, body, headers))["items"])


def _busy(answer: Mapping[str, Any]) -> bool:
    return answer.get("problem", {}).get("status") in _BUSY


def served(
    service: Service,
    version: str,
    answered: Sequence[Answered],
    examples: int,
    on_text: Callable[[int], None] = lambda _: None,
) -> Served:
    """Ask the service for every text and compare what it decides with `answered`.

    The service keeps every complaint it is asked about: point it at one that is not the bank's
    live store.
    """
    fields: Counter[str] = Counter()
    differing: list[str] = []
    models: Counter[str] = Counter()
    answers = service.classify([each.complaint for each in answered])
    for done, (each, answer) in enumerate(zip(answered, answers, strict=True), 1):
        found = _differing(each.decision, version, answer)
        models[answer.get("decision", {}).get("versions", {}).get("model", "")] += 1
        fields.update(found)
        if found:
            differing.append(each.item.id)
        on_text(done)
    return Served(
        url=service.url,
        model=models.most_common(1)[0][0] if models else "",
        n=len(answered),
        differing=len(differing),
        fields=dict(fields),
        examples=tuple(differing[:examples]),
    )


def _sent(complaint: Complaint) -> dict[str, Any]:
    sent = {
        "text": complaint.text,
        "source": complaint.source,
        "channel": complaint.channel,
        "branch": complaint.branch,
        "customer_segment": complaint.customer_segment,
        "received_at": complaint.received_at.isoformat(),
    }
    return {name: value for name, value in sent.items() if value is not None}


def _differing(decision: Decision, version: str, answer: Mapping[str, Any]) -> list[str]:
    """Names of the parts that the service decides otherwise."""
    theirs = answer.get("decision")
    if theirs is None:
        return [f"problem:{answer.get('problem', {}).get('code', 'unknown')}"]
    ours = _ours(decision) | {"model": version}
    found = _theirs(theirs)
    return [name for name in {**ours, **found} if ours.get(name) != found.get(name)]


def _ours(decision: Decision) -> dict[str, Any]:
    routing, urgency = decision.routing, decision.urgency
    labels = {
        f"label:{name}": (head.code, round(head.confidence, 4))
        for name, head in decision.heads.items()
    }
    if urgency is not None:
        labels[f"label:{urgency.head}"] = (
            urgency.code,
            round(decision.heads[urgency.head].confidence, 4),
        )
    return {
        **labels,
        "flags": sorted(flag.code for flag in decision.flags),
        "lead": routing.lead.code,
        "assisting": [party.code for party in routing.assisting],
        "deadlines": [(clock.clock, clock.due_at.isoformat()) for clock in decision.deadlines],
        "review": (decision.review.needed, sorted(decision.review.reasons)),
    }


def _theirs(decision: Mapping[str, Any]) -> dict[str, Any]:
    routing, review = decision["routing"], decision["review"]
    return {
        **{
            f"label:{name}": (head["code"], head["confidence"])
            for name, head in decision["labels"].items()
        },
        "flags": sorted(flag["code"] for flag in decision["flags"]),
        "lead": routing["lead"]["code"],
        "assisting": [party["code"] for party in routing["assisting"]],
        "deadlines": [(clock["clock"], clock["due_at"]) for clock in decision["deadlines"]],
        "review": (review["needed"], sorted(review["reasons"])),
        "model": decision["versions"]["model"],
    }
