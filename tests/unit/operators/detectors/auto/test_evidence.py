from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from engine.domain.batch import Floats
from engine.domain.kinds import KINDS
from operators.detectors.auto import evidence, rarity


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def judged(p_values: Floats, events: int = 1) -> Floats:
    """Return the p-value of each row of evidence, by the events of a block."""
    best, out = np.empty(len(p_values)), np.zeros(8)
    for i in range(len(p_values)):
        row = p_values[i]
        rarity.judge(row, events, out)
        best[i] = out[0]
    return best


def test_weights_sum_to_one() -> None:
    assert sum(evidence.WEIGHTS) == pytest.approx(1.0)
    assert min(evidence.WEIGHTS) >= 0.0
    assert len(evidence.WEIGHTS) == evidence.VALUE_EVIDENCE


def test_evidence_on_events_leaves_a_share_to_the_values() -> None:
    joint = evidence.WHOLE_WEIGHT + evidence.CORRELATION_WEIGHT + evidence.CADENCE_WEIGHT

    assert 0.0 < joint < 1.0


def test_evidence_of_one_event_in_sixty_is_sixty_times_as_rare() -> None:
    rows = np.ones((2, evidence.VALUE_EVIDENCE))
    rows[0, evidence.DRIFT] = rows[1, evidence.SPIKE] = 1e-3

    drift, spike = judged(rows, 60) / judged(rows)

    assert (drift, spike) == (pytest.approx(1 / 60), 1.0)


@pytest.mark.parametrize("dependence", ["equal", "opposite", "independent"])
@pytest.mark.parametrize("share", [0.05, 0.001])
def test_p_value_is_valid_whatever_the_dependence(dependence: str, share: float) -> None:
    rng = np.random.default_rng(0)
    n = 400_000
    uniform = rng.random((n, 1))
    p_values = {
        "equal": np.repeat(uniform, evidence.VALUE_EVIDENCE, axis=1),
        "opposite": np.where(np.arange(evidence.VALUE_EVIDENCE) % 2, uniform, 1.0 - uniform),
        "independent": rng.random((n, evidence.VALUE_EVIDENCE)),
    }[dependence]

    false_alarms = np.mean(judged(np.ascontiguousarray(p_values)) <= share)

    assert 0.0 < false_alarms <= share + 4 * (share / n) ** 0.5


@pytest.mark.parametrize("rare", [e for e, w in enumerate(evidence.WEIGHTS) if w > 0.0])
def test_every_evidence_alone_can_alert(rare: int) -> None:
    p_values = np.ones((1, evidence.VALUE_EVIDENCE))
    p_values[0, rare] = 1e-9

    best = judged(p_values)

    assert best[0] == pytest.approx(1e-9 / evidence.WEIGHTS[rare])


def test_every_evidence_names_a_kind() -> None:
    named = [KINDS[number] for number in evidence.KIND_NUMBERS]

    assert tuple(named) == evidence.KINDS
    assert len(named) == evidence.CADENCE + 1
