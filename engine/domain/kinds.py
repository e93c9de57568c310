"""The kinds of anomaly."""

from __future__ import annotations

KINDS = (
    "outlier",
    "spike",
    "shift",
    "drift",
    "stuck",
    "burst",
    "calm",
    "season",
    "pattern",
    "correlation",
    "counter_reset",
    "cadence",
    "out_of_range",
)
"""In the order of the numbers that detectors use; "outlier" where a detector does not tell."""
OUTLIER = 0
OUT_OF_RANGE = "out_of_range"
"""A value outside of the range that the pipeline file calls valid."""
