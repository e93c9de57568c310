from __future__ import annotations

import pickle

import pytest

from operators.detectors.pyod.model import FittedModel
from operators.detectors.river.bank import FeatureModel
from operators.detectors.stored_models import MOVED, load_models


def test_loads_models_of_this_version() -> None:
    blob = pickle.dumps([None, FeatureModel({"a": 1}, ("x",))])

    first, second = load_models(blob)

    assert first is None
    assert isinstance(second, FeatureModel)


@pytest.mark.parametrize(
    ("kind", "old"),
    [
        (FeatureModel, "operators.detectors.river_bank"),
        (FittedModel, "operators.detectors.pyod_model"),
    ],
)
def test_loads_models_pickled_before_their_module_moved(kind: type, old: str) -> None:
    blob = pickle.dumps([kind], protocol=0).replace(MOVED[old].encode(), old.encode())

    assert load_models(blob) == [kind]
