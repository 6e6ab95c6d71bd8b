"""Everything that can be set, in one place. Read from `SUDA_*` variables when constructed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from data.errors import InputError
from model.registry.resolve import DEFAULT as REGISTRY
from model.threads import effective_cpus

# Longest deadline a caller may ask for.
MAX_DEADLINE_MS = 120_000


class Settings(BaseSettings):
    """Settings of the service and of the commands that decide complaints."""

    model_config = SettingsConfigDict(env_prefix="SUDA_", extra="ignore")

    bundle: Path | None = None
    """The model bundle that serves; unset takes the registry's champion, else the shipped one."""

    registry: Path = REGISTRY
    """Directory of models (`suda models`)."""

    taxonomy: Path | None = None
    """The bundle's taxonomy with a bank's official codes laid over (`suda taxonomy import`)."""

    policy: Path | None = None
    """Directory of policy packs; unset takes the packs shipped for the bundle's taxonomy."""

    database_url: str = "sqlite:///var/suda.sqlite3"
    """SQLAlchemy URL of the store; SQLite files are made with their directory."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on."""

    max_text_chars: int = Field(default=20_000, ge=1)
    """Longest complaint accepted, in characters."""

    max_batch: int = Field(default=256, ge=1)
    """Most complaints in one batch call."""

    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    """Largest request body read."""

    workers: int = Field(default_factory=effective_cpus, ge=1)
    """Threads that classify; by default as many as the container may use processors."""

    deadline_ms: int = Field(default=400, ge=10, le=MAX_DEADLINE_MS)
    """Time within which one complaint must be begun, unless `Suda-Deadline-Ms` says otherwise.
    What cannot be begun by then at the measured capacity is refused at once with 429."""

    batch_deadline_ms: int = Field(default=30_000, ge=10, le=MAX_DEADLINE_MS)
    """The same for a batch call: its complaints give way to those that are due before."""

    grace_ms: int = Field(default=5_000, ge=100)
    """Time past its deadline that a complaint already begun is waited for before a 504."""

    max_waiting: int = Field(default=10_000, ge=1)
    """Most complaints held waiting, whatever their deadlines."""

    stuck_seconds: float = Field(default=30.0, gt=0)
    """A thread that shows no sign of life for so long is taken for stuck and replaced."""

    cache_texts: int = Field(default=0, ge=0)
    """Texts whose prediction is remembered for when they come again word for word; 0 = none."""

    committers: int = Field(default=1, ge=1)
    """Threads that commit; SQLite, which lets one write at a time, has one."""

    max_group: int = Field(default=256, ge=1)
    """Most complaints saved in one transaction."""

    drain_seconds: float = Field(default=5.0, ge=0)
    """How long `/readyz` says 503 before the service stops listening, once it is told to stop."""

    shutdown_seconds: int = Field(default=30, ge=1)
    """How long requests in progress may take to finish once the service stops listening."""

    keep_alive_seconds: int = Field(default=75, ge=1)
    """How long an idle connection is kept open."""

    max_connections: int = Field(default=2_000, ge=1)
    """Connections and tasks beyond which the server itself answers 503."""

    log_format: Literal["text", "json"] = "text"
    """How log lines look: for people or for machines."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are logged."""

    otel_endpoint: str | None = None
    """OTLP/HTTP address that traces are sent to, e.g. http://collector:4318; unset and no
    OTEL_EXPORTER_OTLP_ENDPOINT either sends none. Needs the extra `otel`."""

    top_k: int = Field(default=3, ge=1, le=10)
    """Alternatives given per head."""

    auth: Literal["on", "off"] | None = None
    """Whether API keys are asked for. `off` holds on a loopback address only; unset is `on`, and
    `suda serve` makes a development key on a loopback address where there is no key yet."""

    key_rate: int | None = Field(default=None, ge=1)
    """Texts a minute that a key may send to one process, unless the key has a rate of its own."""

    metrics_public: bool = False
    """Give /metrics without a key; else it takes one with the scope `audit`."""

    docs: bool = True
    """Show the API's description at /docs and /openapi.json, without a key."""

    hsts_seconds: int = Field(default=0, ge=0)
    """Seconds of Strict-Transport-Security; set it (31536000) where TLS ends in front of Suda."""

    max_head_bytes: int = Field(default=32 * 1024, ge=1024)
    """Largest request line with headers read."""

    head_timeout: float = Field(default=10.0, gt=0)
    """Seconds within which a request line with headers must have come in."""

    text_key: SecretStr | None = None
    """Encrypts complaints at rest: base64 of 32 bytes (`suda keys text-key`), more than one
    comma-separated. The first encrypts, all decrypt."""

    web: bool = True
    """Give the pages for people under /ui."""

    session_idle_minutes: int = Field(default=30, ge=1)
    """Minutes after which an unused sign-in ends."""

    session_hours: int = Field(default=12, ge=1, le=24 * 7)
    """Hours after which any sign-in ends."""

    trusted_proxies: str = "127.0.0.1"
    """Addresses, comma-separated, whose X-Forwarded-For and -Proto are believed; * for all."""

    oidc_issuer: str | None = None
    """Address of the bank's own sign-in (OpenID Connect), as in its discovery document."""

    oidc_client_id: str | None = None
    """The name this service has there."""

    oidc_client_secret: SecretStr | None = None
    """Its secret there, where it has one; the code flow uses PKCE in any case."""

    oidc_roles_claim: str = "roles"
    """The claim of the ID token that holds a user's groups; a dot leads into an object."""

    oidc_roles: dict[str, str] = {}
    """Which group gives which role, as JSON: {"suda-fuhe": "reviewer", "suda-admin": "admin"}.
    Whoever is in none of them is not let in; in several, the first one named counts."""

    retention_days: int = Field(default=1096, ge=1)
    """Days a complaint's words are kept after it can have been closed. 令2020-5 Art. 44: three
    years at least."""

    @model_validator(mode="after")
    def _fit_each_other(self) -> Settings:
        """A batch that may be sent must be one that can be admitted."""
        if self.max_batch > self.max_waiting:
            raise InputError(
                f"expected at least SUDA_MAX_BATCH, {self.max_batch}, got {self.max_waiting}",
                field="SUDA_MAX_WAITING",
            )
        return self
