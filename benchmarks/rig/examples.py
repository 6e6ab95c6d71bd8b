"""Requests that schemathesis makes out of the OpenAPI document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.rig.stage import Stage

# A deadline of a millisecond passes, and a service may be full: both are said, neither is a fault.
_EXPECTED = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503", "504"]
"""
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)


def schemathesis(stage: Stage, document: Path, examples: int) -> dict[str, Any]:
    """Let it make so many requests to each operation: each answer must be one that is declared."""
    config = stage.folder / "schemathesis.toml"
    config.write_text(_EXPECTED)
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config),
        "run", str(document), "--url", f"http://127.0.0.1:{stage.service.port}",
        "-H", f"Authorization: Bearer {stage.token}",
        "--checks", _CHECKS, "--max-examples", str(examples), "--no-color",
        "--generation-database", "none", "--seed", "1", "--suppress-health-check", "all",
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=stage.folder, capture_output=True, text=True, timeout=3600, check=False
    )
    told, _, summary = done.stdout.partition(" SUMMARY ")
    failures = told.partition(" FAILURES ")[2].partition(" WARNINGS ")[0]
    amiss = f"schemathesis: {(failures or done.stdout + done.stderr)[-3000:]}"
    return {
        "examples_each": examples,
        "summary": summary[-1500:],
        "amiss": [amiss] if done.returncode else [],
    }
