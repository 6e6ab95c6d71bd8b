"""onnxruntime, told before it is loaded to send nothing to its maker.

Its recent builds for Linux report start-up, models and figures of use over the network, unless this
variable is set when the library starts (docs/Privacy.md of microsoft/onnxruntime); the function
that it offers for the same comes too late for the first report. Suda calls nobody.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# As some builds named it.
os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
