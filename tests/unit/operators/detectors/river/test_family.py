import inspect
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import ParameterError, SnapshotError, UnknownNameError
from operators.detectors.river import family
from tests.unit.operators.detectors.library_streams import (
    assert_a_reset_slot_starts_anew,
    assert_cuts_and_dumps_change_nothing,
    normal_stream,
)

# Named: to import river takes seconds of each process of the suite.
FEATURES = ["river.HalfSpaceTrees", "river.LODA", "river.LocalOutlierFactor"]
NAMES = [
    *FEATURES,
    "river.GaussianScorer",
    "river.OneClassSVM",
    "river.PredictiveAnomalyDetection",
    "river.StandardAbsoluteDeviation",
]
FAST = {"warm_up": 20}


def create(name, parameters=FAST, width=2):
    return family.RiverDetectors().create(name, parameters, ["a", "b"][:width])


def test_each_detector_of_river_is_tested():
    declared = family.RiverDetectors().declarations()

    assert {one.name for one in declared} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_outlier_scores_highest(name):
    slots, values, learn = normal_stream(300)
    values[-1] = 40.0
    parameters = FAST | ({"window_size": 50} if name.endswith("HalfSpaceTrees") else {})
    scores = create(name, parameters).bank(1).score(slots, values, learn)

    assert np.isnan(scores[:20]).all()
    assert scores[-1] > np.nanquantile(scores[:-1], 0.9)


@pytest.mark.parametrize("name", FEATURES)
def test_scores_are_those_of_a_plain_loop_with_river(name):
    slots, values, learn = normal_stream(120)
    anomaly, preprocessing = (
        import_module(f"river.{part}") for part in ("anomaly", "preprocessing")
    )
    kind = getattr(anomaly, name.split(".")[1])
    seed = {"seed": 42} if "seed" in inspect.signature(kind).parameters else {}
    model = preprocessing.MinMaxScaler() | kind(**seed)
    expected = []
    for a, b in values.tolist():
        expected.append(model.score_one({"a": a, "b": b}))
        model.learn_one({"a": a, "b": b})
    detector = create(name, FAST | {"preprocess": ["MinMaxScaler"]})
    scores = detector.bank(1).score(slots, values, learn)
    np.testing.assert_array_equal(scores[20:], expected[20:])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=3, deadline=None)
@given(cut=st.integers(1, 119))
def test_cuts_and_dumps_change_nothing(name, cut):
    assert_cuts_and_dumps_change_nothing(create(name), 120, cut)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_series_gives_finite_scores_or_counted_failures(name):
    slots, values, learn = normal_stream(60)
    values[:] = 7.0
    bank = create(name).bank(1)
    scores = bank.score(slots, values, learn)

    assert not np.isinf(scores).any()
    assert np.isnan(scores[20:]).sum() == bank.failures().get("score_failed", 0)
    assert bank.failures() == {}


def test_a_reset_slot_starts_again():
    assert_a_reset_slot_starts_anew(create("river.HalfSpaceTrees").bank(1), 60)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"n_tree": 3}, 'Did you mean "n_trees"'),
        ({"n_trees": "many"}, "does not work"),
        ({"warm_up": -1}, "warm_up"),
        ({"preprocess": "MinMaxScaler"}, "must be a list"),
        ({"preprocess": [3]}, "a step is"),
        ({"preprocess": ["MinMaxScalar"]}, 'Did you mean "MinMaxScaler"'),
        ({"preprocess": [{"MinMaxScaler": {"x": 1}}]}, '"x"'),
    ],
)
def test_wrong_parameters_are_named(parameters, text):
    with pytest.raises(ParameterError, match=text):
        create("river.HalfSpaceTrees", parameters)


def test_names_that_are_not_there():
    with pytest.raises(UnknownNameError, match='Did you mean "HalfSpaceTrees"'):
        create("river.HalfSpaceTree")

    with pytest.raises(ParameterError, match="no effect"):
        create("river.GaussianScorer", {"preprocess": ["MinMaxScaler"]})


def test_without_river(monkeypatch):
    monkeypatch.setattr(family, "find_spec", lambda _: None)

    assert family.RiverDetectors().declarations() == []
    with pytest.raises(UnknownNameError, match=r"pynomaly-engine\[river\]"):
        create("river.HalfSpaceTrees")


def test_a_foreign_dump_is_refused():
    with pytest.raises(SnapshotError, match="start afresh"):
        create("river.HalfSpaceTrees").bank(1).load({"models": b"?"})
