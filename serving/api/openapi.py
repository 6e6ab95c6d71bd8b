"""Print the OpenAPI document: python -m serving.api.openapi > docs/openapi.json."""

from __future__ import annotations

import json
import sys

from serving.api.app import create_app
from serving.settings import Settings

if __name__ == "__main__":
    json.dump(create_app(Settings()).openapi(), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
