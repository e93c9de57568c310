import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.application import registry
from engine.domain.detector import Parameter
from engine.domain.errors import ParameterError, UnknownNameError


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


def test_a_detector_of_ours_imports_no_package_that_it_does_not_use() -> None:
    code = (
        "import sys; from engine.application import registry; registry.declaration('zscore'); "
        "print({'river', 'sklearn', 'scipy.stats', 'pyod', 'sqlalchemy'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_the_declaration_of_an_unknown_detector_offers_the_nearest() -> None:
    for name, nearest in [("zscor", "zscore"), ("river.HalfSpaceTree", "river.HalfSpaceTrees")]:
        with pytest.raises(UnknownNameError, match=f'Did you mean "{nearest}"'):
            registry.declaration(name)


class NameAlone:
    """What is left where an author forgets the rest of a detector."""

    name = "zscore"


def test_an_incomplete_detector_is_rejected_with_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = registry.detector_family("zscore")
    monkeypatch.setattr(family, "create", lambda *_: NameAlone())

    with pytest.raises(ParameterError, match=r"not a complete detector: .*warm_up, bank"):
        registry.detector("zscore", {}, ["a"])


def test_a_parameter_that_no_plugin_declares_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    family = registry.detector_family("zscore")
    made = family.create("zscore", {}, ["a"])
    monkeypatch.setattr(family, "create", lambda *_: made)

    with pytest.raises(ParameterError, match='zscore has no parameter "memry"') as refused:
        registry.detector("zscore", {"memry": 3}, ["a"])

    assert refused.value.parameter == "memry"


@pytest.mark.parametrize(
    ("kind", "fit", "unfit", "text"),
    [
        ("int", 3, 3.5, "must be an integer, not 3.5"),
        ("int", 3, True, "must be an integer, not True"),
        ("float", 3, "3", "must be a number, not '3'"),
        ("float", 3.5, False, "must be a number, not False"),
        ("bool", True, 1, "must be true or false, not 1"),
        ("str", "a", 1, "must be text, not 1"),
        ("float", None, [], r"must be a number, not \[\]"),
    ],
)
def test_a_value_of_another_type_is_refused_where_the_plugin_takes_it(
    kind: str, fit: object, unfit: object, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = registry.detector_family("zscore")
    made = family.create("zscore", {}, ["a"])
    [declared] = family.declarations()
    own = replace(declared, parameters=(Parameter("rate", kind, None),))
    monkeypatch.setattr(family, "declarations", lambda: [own])
    monkeypatch.setattr(family, "create", lambda *_: made)

    assert registry.detector("zscore", {"rate": fit}, ["a"]) is made
    with pytest.raises(ParameterError, match=f"zscore: rate {text}") as refused:
        registry.detector("zscore", {"rate": unfit}, ["a"])

    assert refused.value.parameter == "rate"


@pytest.mark.parametrize("method", ["declarations", "create"])
def test_an_error_of_a_plugin_keeps_its_kind_and_names_the_package(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("rate")

    monkeypatch.setattr(registry.detector_family("zscore"), method, broken)
    calls: dict[str, Callable[[], object]] = {
        "declarations": registry.declarations,
        "create": lambda: registry.detector("zscore", {}, ["a"]),
    }

    with pytest.raises(KeyError) as raised:
        calls[method]()

    [note] = raised.value.__notes__
    assert '"zscore" (detectors) of the package pynomaly-engine' in note
