"""The service that one would otherwise write: FastAPI, transformers, a row a request.

Started by `benchmarks.rival` with `uvicorn`, one worker, default settings. One pass through the
network answers all heads at once, which is more than three pipelines of its own would do for it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from eval.speed.contenders import checkpoint_contenders

MODEL, DATABASE = "RIVAL_MODEL", "RIVAL_DATABASE"


class Complaint(BaseModel):
    """What is sent."""

    text: str
    external_id: str | None = None


def create() -> FastAPI:
    """The application. Reads the model's directory and the database's path from the environment."""
    checkpoint, database = Path(os.environ[MODEL]), os.environ[DATABASE]
    classify = checkpoint_contenders(checkpoint, checkpoint)[0].answer
    with sqlite3.connect(database) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, text TEXT, answer TEXT)"
        )
    app = FastAPI()

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/classify")
    def decide(complaint: Complaint) -> dict[str, Any]:
        answer = {"complaint_id": uuid.uuid4().hex, "labels": classify(complaint.text)}
        row = (answer["complaint_id"], complaint.text, json.dumps(answer["labels"]))
        with sqlite3.connect(database, timeout=60) as connection:
            connection.execute("INSERT INTO decisions VALUES (?, ?, ?)", row)
        connection.close()
        return answer

    return app
