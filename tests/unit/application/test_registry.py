import pytest

from engine.application import registry
from engine.domain.errors import UnknownNameError


def test_everything_registered_can_be_loaded() -> None:
    for name in registry.names("sources"):
        assert registry.source(name).Settings
    for name in registry.names("sinks"):
        assert registry.sink(name).Settings
    for name in registry.names("steps"):
        assert callable(registry.step(name))

    assert registry.broker("embedded")
    assert {"zscore", "half_space_trees"} <= {d.name for d in registry.declarations()}


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match='Did you mean "kafka"'):
        registry.source("kafak")
    with pytest.raises(UnknownNameError, match='Did you mean "zscore"'):
        registry.detector_family("zscor")
    with pytest.raises(UnknownNameError, match="Known: "):
        registry.sink("xyz")
