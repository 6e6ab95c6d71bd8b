"""What callers send, and its translation into a Complaint."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from data.errors import InputError
from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from serving.api.shown import ShownAs

SHANGHAI = ZoneInfo("Asia/Shanghai")


def _encodable(value: str) -> str:
    """JSON can name half a character (a lone surrogate), which no text holds."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("expected whole Unicode characters") from error
    return value


# No control characters: ids are shown, logged and compared.
_SHOWN = r"^[^\x00-\x1f\x7f]*$"
_Short = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, strip_whitespace=True, pattern=_SHOWN),
    AfterValidator(_encodable),
]
_Source = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=_SHOWN),
    AfterValidator(_encodable),
]
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=SHANGHAI), datetime(2100, 1, 1, tzinfo=SHANGHAI)
_MAX_METADATA = 65_536


def _plain_json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(orjson.dumps(value)) if json.dumps(value, allow_nan=False) else 0
    except (TypeError, ValueError) as error:
        raise ValueError("expected JSON with finite numbers of at most 64 bits") from error
    if size > _MAX_METADATA:
        raise ValueError(f"expected at most {_MAX_METADATA} bytes, got {size}")
    return value


def _plausible(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    local = value.replace(tzinfo=SHANGHAI) if value.tzinfo is None else value
    if not _EARLIEST <= local < _LATEST:
        raise ValueError("expected a time from 2000 to 2099")
    return value


class ClassifyRequest(BaseModel):
    """One complaint (投诉)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "text": "手机银行转账五万八一直显示处理中，两天了对方没收到",
                "external_id": "CC-20261122-0042",
                "source": "phone",
                "channel": "A01033",
                "branch": "城东支行",
            }
        },
    )

    text: Annotated[str, AfterValidator(_encodable)] = Field(
        description="What the customer said or wrote, as it came."
    )
    external_id: _Short | None = Field(None, description="The caller's own id; unique per source.")
    source: _Source | None = Field(None, description="Where the complaint came in (投诉来源).")
    channel: _Short | None = Field(
        None, description="JR/T 0169 A code of the channel the disputed business was done through."
    )
    branch: _Short | None = Field(None, description="Branch (机构) the complaint is about.")
    product_hint: _Short | None = Field(None, description="Product the caller's system names.")
    customer_segment: _Short | None = Field(None, description="Kind of customer (客户类型).")
    received_at: Annotated[datetime | None, AfterValidator(_plausible)] = Field(
        None, description="When the bank received it; without offset taken as Asia/Shanghai."
    )
    metadata: Annotated[dict[str, Any], AfterValidator(_plain_json)] = Field(
        default_factory=dict, description="Kept with the complaint, not interpreted."
    )

    def fingerprint(self) -> str:
        """Hash of what was sent: the same complaint sent twice has the same."""
        sent = self.model_dump(mode="json", exclude_unset=True)
        return hashlib.sha256(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)).hexdigest()


class BatchRequest(BaseModel):
    """Several complaints; answered in the same order, each on its own."""

    model_config = ConfigDict(extra="forbid")

    items: list[Annotated[Any, ShownAs(ClassifyRequest)]] = Field(
        min_length=1, description="Each is checked on its own."
    )


def to_complaint(
    request: ClassifyRequest, taxonomy: Taxonomy, *, now: datetime, max_chars: int
) -> Complaint:
    """Check what only the taxonomy and the limits can tell. Raises InputError naming the field.

    Whether the text has any words is seen when it is normalised, by the pipeline.
    """
    if len(request.text) > max_chars:
        raise InputError(
            f"expected at most {max_chars} characters, got {len(request.text)}", field="text"
        )
    for name in ("source", "channel", "customer_segment"):
        check_code(name, getattr(request, name), taxonomy)
    received_at = request.received_at or now
    if received_at.tzinfo is None:
        received_at = received_at.replace(tzinfo=SHANGHAI)
    return Complaint(
        # PostgreSQL holds no NUL; one character for one, so that spans stay true.
        text=request.text.replace("\x00", "\ufffd"),
        received_at=received_at.astimezone(SHANGHAI),
        external_id=request.external_id,
        source=request.source,
        channel=request.channel,
        branch=request.branch,
        product_hint=request.product_hint,
        customer_segment=request.customer_segment,
        metadata=request.metadata,
    )


def check_code(name: str, value: str | None, taxonomy: Taxonomy) -> None:
    """Refuse a code that the taxonomy's list of this field does not hold, where it has one."""
    codes = taxonomy.fields.get(name)
    if value is None or codes is None or value in codes.codes:
        return
    known = ", ".join(codes.codes)
    raise InputError(f"unknown code {value[:64]!r}, expected one of {known}", field=name)
