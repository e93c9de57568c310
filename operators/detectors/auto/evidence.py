"""Evidence: the kinds of anomaly, and the share of the false alarms of each.

The p-value of an event is the least of p / weight over all evidence, where the weights sum to 1
(a weighted Bonferroni rule: Genovese, Roeder and Wasserman, Biometrika 93, 2006). It is valid
whatever the dependence between the evidence: the chance that any p_i falls below w_i * a is at most
the sum of w_i * a, which is a.
"""

from __future__ import annotations

import numpy as np

from engine.domain import kinds

SPIKE, LEVEL, SEASON, SHIFT, DRIFT, BURST, CALM, STUCK, PATTERN, RESET = range(10)
"""Evidence on one value."""
VALUE_EVIDENCE = 10
WHOLE, CORRELATION, CADENCE = 10, 11, 12
"""Evidence on an event as a whole."""

KINDS = (
    "spike",
    "spike",
    "season",
    "shift",
    "drift",
    "burst",
    "calm",
    "stuck",
    "pattern",
    "counter_reset",
    "pattern",
    "correlation",
    "cadence",
)
"""The kind of anomaly that each evidence shows."""
KIND_NUMBERS = np.array([kinds.KINDS.index(kind) for kind in KINDS], np.int8)
"""Their numbers by name."""

WEIGHTS = (0.32, 0.14, 0.12, 0.12, 0.06, 0.06, 0.06, 0.1, 0.0, 0.02)
"""Shares of the evidence on a value; they sum to 1."""
WHOLE_WEIGHT, CORRELATION_WEIGHT, CADENCE_WEIGHT = 0.15, 0.15, 0.05
"""Shares of the evidence on an event; the rest is divided among its values."""
