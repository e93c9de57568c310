from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import ParameterError, SnapshotError, UnknownNameError
from operators.detectors.pyod import family
from operators.detectors.pyod.catalogue import catalogue
from tests.unit.operators.detectors.library_streams import (
    assert_a_reset_slot_starts_anew,
    assert_cuts_and_dumps_change_nothing,
    normal_stream,
)

SMALL = {"window": 48, "min_fill": 32, "refit_every": 16}
NAMES = ["ECOD", "COPOD", "HBOS", "KNN", "LOF", "PCA", "MCD", "OCSVM", "KDE", "GMM", "CBLOF", "COF"]
TREES = {"n_estimators": 50}


def create(name, parameters=SMALL, width=2):
    return family.PyODDetectors().create(f"pyod.{name}", parameters, ["a", "b"][:width])


@pytest.mark.parametrize("name", [*NAMES, "IForest"])
def test_a_planted_outlier_scores_highest(name):
    slots, values, learn = normal_stream(90)
    values[-1] = 40.0
    bank = create(name, SMALL | (TREES if name == "IForest" else {})).bank(1)
    scores = bank.score(slots, values, learn)

    assert np.isnan(scores[:32]).all()
    assert scores[-1] > np.nanquantile(scores[:-1], 0.9)
    assert bank.failures() == {"refits": 4}


@pytest.mark.parametrize("name", ["ECOD", "KNN", "PCA", "HBOS"])
def test_scores_are_those_of_a_plain_loop_with_pyod(name):
    slots, values, learn = normal_stream(90)
    kind = getattr(import_module(catalogue()[name].module), name)
    model, expected = None, []
    for at, row in enumerate(values):
        expected.append(np.nan if model is None else model.decision_function(row[None])[0])
        if at + 1 in (32, 48, 64, 80):
            model = kind().fit(values[max(0, at - 47) : at + 1])
    scores = create(name).bank(1).score(slots, values, learn)
    np.testing.assert_allclose(scores, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["ECOD", "KNN", "PCA", "MCD", "COF"])
@settings(max_examples=3, deadline=None)
@given(cut=st.integers(1, 199))
def test_cuts_and_dumps_change_nothing(name, cut):
    assert_cuts_and_dumps_change_nothing(create(name), 200, cut)


@pytest.mark.parametrize("name", NAMES)
def test_constant_windows_are_survived(name):
    slots, values, learn = normal_stream(90)
    values[:] = 7.0
    bank = create(name).bank(1)
    scores = bank.score(slots, values, learn)
    failures = bank.failures()

    assert not np.isinf(scores).any()
    assert failures.get("refits", 0) + failures.get("fit_failed", 0) == 4


def test_a_reset_slot_starts_again():
    assert_a_reset_slot_starts_anew(create("KNN").bank(1), 90)


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("KNN", {"n_neighbour": 3}, 'Did you mean "n_neighbors"'),
        ("KNN", {"method": "best"}, "does not work"),
        ("KNN", {"window": 10}, "min_fill"),
        ("MAD", {}, "univariate"),
    ],
)
def test_wrong_parameters_are_named(name, parameters, text):
    with pytest.raises(ParameterError, match=text):
        create(name, parameters)


def test_names_that_are_not_there(monkeypatch):
    with pytest.raises(UnknownNameError, match='Did you mean "ECOD"'):
        create("ECODE")
    monkeypatch.setattr(family, "catalogue", dict)

    assert family.PyODDetectors().declarations() == []
    with pytest.raises(UnknownNameError, match=r"pynomaly-engine\[pyod\]"):
        create("ECOD")


def test_a_foreign_dump_is_refused():
    with pytest.raises(SnapshotError, match="start afresh"):
        create("KNN").bank(1).load({"models": b"?"})
