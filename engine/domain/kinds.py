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
)
"""Of detectors, in the order of their numbers; "outlier" if a detector does not name one."""
OUTLIER = 0
ABSENCE = "absence"
"""An entity that has stopped sending."""
OUT_OF_RANGE = "out_of_range"
"""A value outside of the range that the pipeline file calls valid."""
RULE_KINDS = (OUT_OF_RANGE, ABSENCE)
"""What rules find, and no detector."""
ALL_KINDS = KINDS + RULE_KINDS
