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


def _processes() -> int:
    cpus = effective_cpus()
    return cpus if cpus > 1 else 0


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

    processes: int = Field(default_factory=_processes, ge=0)
    """Processes beside this one that decide, so that Python's one thread at a time does not
    hold it up; 0 = none. By default as many as there are processors, none on a single one."""

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

    registry_seconds: float = Field(default=3.0, gt=0)
    """How often it is looked whether another process promoted a model, or began a canary."""

    canary_watch: bool = True
    """End a canary by itself where it does clearly worse than the champion."""

    canary_margin: float = Field(default=0.05, ge=0, lt=1)
    """By how much a canary's share of failures or of reviews may lie above the champion's: it ends
    where the whole 99.9 % interval of the difference lies above."""

    canary_min_n: int = Field(default=200, ge=10)
    """Complaints on either side without which a canary is not judged."""

    shadow_queue: int = Field(default=256, ge=1)
    """Complaints that wait for the shadow; more are left out and counted."""

    drift_minutes: float = Field(default=60.0, ge=0)
    """How often the figures of drift are taken anew; 0 = never."""

    drift_days: float = Field(default=7.0, gt=0)
    """How far back they look."""

    drift_texts: int = Field(default=500, ge=1)
    """Texts of that time, at most, that are read again for them, in spare capacity."""

    drift_reference: Path = Path("var/monitor")
    """Directory of what each model saw in the texts it was tuned on (`suda monitor`)."""

    max_together: int = Field(default=8, ge=1)
    """Most complaints that one thread, and one worker process, takes at a time while others stand
    in line; one where there are no worker processes."""

    max_group: int = Field(default=256, ge=1)
    """Most complaints saved in one transaction."""

    commit_interval_ms: float = Field(default=8.0, ge=0, le=1000)
    """How long after one group the next is saved at the earliest. Larger groups cost less, smaller
    ones answer sooner.
    """

    commit_interval_most_ms: float = Field(default=60.0, ge=0, le=1000)
    """How far this grows while complaints stand in line: to half the time they will take, at most
    so long. The interval above, where that is longer, is kept.
    """

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

    outbox: Literal["on", "off"] = "on"
    """Whether this process delivers work orders; `off` leaves it to `suda outbox deliver`."""

    outbox_poll_seconds: float = Field(default=1.0, gt=0)
    """How often is looked for work orders that are due."""

    webhook_timeout: float = Field(default=10.0, gt=0, le=300)
    """Seconds within which a department's receiver must have answered."""

    webhook_attempts: int = Field(default=30, ge=1, le=1000)
    """Attempts after which a work order is a dead letter; 30 take about half a day."""

    webhook_private: bool = True
    """Whether webhooks may lead to private addresses, as those of an intranet are."""

    webhook_ca: Path | None = None
    """File with certificate authorities (PEM) that webhooks are trusted by, beside the system's."""

    sweep_seconds: float = Field(default=15.0, gt=0)
    """How often is looked for clocks that ran out."""

    reports: Path | None = None
    """What the statistics call things (docs/reports.md); unset takes the file shipped for the
    bundle's taxonomy."""

    retention_days: int = Field(default=1096, ge=1)
    """Days a complaint's words are kept after it can have been closed. 令2020-5 Art. 44: three
    years at least."""

    customer_field: str | None = None
    """Where complaints' metadata name the customer, like `customer_id`; a dot leads inside. A
    complaint's page then lists the customer's others."""

    review_lease_seconds: int = Field(default=300, ge=30, le=3600)
    """How long a claimed review stays somebody's without a sign of life from their browser."""

    review_undo_minutes: int = Field(default=10, ge=0, le=1440)
    """How long one's own last review can be undone, unless somebody built on it."""

    review_double_share: float = Field(default=0.05, ge=0, le=1)
    """Share of reviews that a second person gives an opinion on, blind to the first."""

    review_double_audit_share: float = Field(default=0.25, ge=0, le=1)
    """The same for audit samples, which all estimates of quality stand on."""

    review_audit_turn: float = Field(default=0.1, ge=0, le=1)
    """Share of claims that go to audit samples first, so that these do not wait for ever."""

    review_bulk: int = Field(default=50, ge=1, le=500)
    """Most reviews a reviewer decides at once; more takes a lead."""

    review_bulk_most: int = Field(default=500, ge=1, le=5000)
    """Most reviews anybody decides at once."""

    max_job_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    """Largest file of a job (`POST /v1/jobs`), as sent and unpacked."""

    max_job_rows: int = Field(default=1_000_000, ge=1)
    """Most rows in a job's file."""

    max_jobs: int = Field(default=100, ge=1)
    """Most unfinished jobs; more are refused with 429."""

    job_threads: int | None = Field(default=None, ge=1)
    """Rows of a job decided at a time; unset is one fewer than there are workers, so that one is
    always free for a caller who waits."""

    job_days: int = Field(default=30, ge=1)
    """Days the rows and results of a job are kept once it ended; the complaints it stored stay."""

    job_lease_seconds: float = Field(default=15.0, ge=2)
    """Silence after which a job's worker is taken for dead and another process goes on."""

    job_urls: str = ""
    """Beginnings of URLs that a job's file may be fetched from, each ending with a slash,
    comma-separated, like https://files.bank/complaints/; unset fetches nothing."""

    job_spool: Path | None = None
    """Directory for files under way, encrypted with a key in memory only; unset is the system's
    for temporary files."""

    @model_validator(mode="after")
    def _fit_each_other(self) -> Settings:
        """A batch that may be sent must be one that can be admitted."""
        if self.max_batch > self.max_waiting:
            raise InputError(
                f"expected at least SUDA_MAX_BATCH, {self.max_batch}, got {self.max_waiting}",
                field="SUDA_MAX_WAITING",
            )
        return self
