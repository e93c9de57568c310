"""The rivals on streams that show what each of them has to see."""

from __future__ import annotations

import numpy as np
import pytest

from bench.everyday.judge import judge
from bench.everyday.message import incidents
from bench.everyday.rivals import SCORED, carried, rules
from bench.everyday.rivals.threshold import ScoredStream, threshold
from bench.everyday.run import few_of
from bench.everyday.situations import SITUATIONS
from bench.everyday.stream import MINUTE, Stream


def build(name: str) -> Stream:
    return SITUATIONS[name].build(np.random.default_rng(1_000))


@pytest.mark.parametrize("name", ["spike_error_code", "stuck_season", "absence_hours"])
def test_rules_of_thumb_find_what_they_were_made_for_and_name_it(name: str) -> None:
    verdict = judge(build(name), rules(build(name)))

    assert all(outcome.found for outcome in verdict.outcomes if outcome.fault.plain)
    assert all(outcome.any_kind for outcome in verdict.outcomes if outcome.fault.plain)
    assert verdict.false_incidents <= 3


def test_rules_of_thumb_are_quiet_on_noise_and_on_constants() -> None:
    assert len(rules(build("quiet_gaussian"))) <= 2
    assert rules(build("quiet_constant")) == []


@pytest.mark.parametrize("who", ["EW z", "kNN"])
@pytest.mark.parametrize("name", ["spike_white", "spike_all_of_eight"])
def test_scores_of_faults_are_higher(who: str, name: str) -> None:
    stream = build(name)

    scores, blamed = SCORED[who](stream)

    starts = {(fault.entity, fault.start) for fault in stream.faults if fault.plain}
    events = zip(stream.keys.tolist(), stream.times.tolist(), strict=True)
    at_fault = np.array([event in starts for event in events])

    assert np.nanmedian(scores[at_fault]) > np.nanquantile(scores[~at_fault], 0.99)
    assert len(blamed) == len(scores)


def test_scores_begin_after_a_warm_up() -> None:
    for who in ("EW z", "kNN"):
        scores, _ = SCORED[who](build("quiet_gaussian"))
        assert np.isnan(scores[:15]).all()
        assert np.isfinite(scores[-1_000:]).all()


def test_forest_scores_a_spike_high() -> None:
    pytest.importorskip("krcf")
    stream = few_of(build("spike_error_code"))
    early = stream.times < stream.faults[0].start + MINUTE
    stream = Stream(
        stream.keys[early], stream.times[early], stream.values[early], stream.names, (), 4.0
    )

    scores, _ = SCORED["forest"](stream)

    assert int(np.nanargmax(scores)) >= len(scores) - 2


def test_the_threshold_allows_no_more_false_incidents_than_asked() -> None:
    stream = build("quiet_gaussian")
    scored = ScoredStream(stream, *SCORED["EW z"](stream))

    for allowed in (0, 10, 100):
        found = threshold([scored], allowed)
        messages = scored.above(found)
        assert allowed * 0.9 <= judge(stream, messages).false_incidents <= allowed


def test_the_last_known_value_stands_for_a_missing_one() -> None:
    keys, nan = np.array([0, 1, 0, 1, 0], np.int32), np.nan
    values = np.array([[nan, 1.0], [5.0, nan], [2.0, nan], [nan, 7.0], [nan, 3.0]])

    known = carried(Stream(keys, np.arange(5), values, ("a", "b"), (), 1.0)).values

    assert known.tolist() == [[0, 1], [5, 0], [2, 1], [5, 7], [2, 3]]


def test_flagged_events_close_together_are_one_incident() -> None:
    keys = np.array([0, 0, 1, 0, 0], np.int32)
    times = np.array([0, 5, 6, 15, 26]) * MINUTE

    found = incidents(keys, times, np.ones(5), np.zeros(5, np.int32))

    numbers = [message.incident for message in found]

    assert numbers[0] == numbers[1] == numbers[3]
    assert len(set(numbers)) == 3


def test_a_threshold_is_found_on_scores_that_fade_to_nothing() -> None:
    stream = build("quiet_another_constant")
    fading = 0.5 ** np.minimum(np.arange(len(stream.keys)), 1_070).astype(float)
    scored = ScoredStream(stream, fading, np.zeros(len(fading), np.int32))

    found = threshold([scored], 20)

    assert judge(stream, scored.above(found)).false_incidents <= 20
