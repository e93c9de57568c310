"""River's anomaly detectors, by name: `river.HalfSpaceTrees`.

Scores keep river's sign: higher = more anomalous. `OneClassSVM` is linear, and so one-sided: only
values far out in the direction of the data are anomalous to it. Filters are left out: they decide,
which is the task of the alert policy.
"""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from engine.domain.detector import Declaration, Parameter, SnapshotForm
from engine.domain.errors import ParameterError, UnknownNameError, nearest
from operators.detectors.footprint import footprint
from operators.detectors.parameters import Number, check_names, check_numbers
from operators.detectors.quiet import quiet
from operators.detectors.river.bank import FeatureModel, Model, RiverBank, TargetModels
from operators.detectors.river.notes import EXCEPTIONS, SUITS

SEED = 42
WARM_UP_EVENTS = 100
# The windows of most models are full by then.
PROBE_EVENTS = 1_500
# Half-space trees cut the unit cube: without scaling all of a sensor's values lie outside.
DEFAULT_CHAINS: dict[str, list[object]] = {"HalfSpaceTrees": ["MinMaxScaler"]}


@dataclass(frozen=True)
class RiverDetector:
    """A river detector with its parameters; see `engine.domain.detector.Detector`."""

    name: str
    template: Model
    warm_up: int
    bytes_per_entity: int
    scoring_learns: bool
    handles_gaps: bool = False
    resolution: float = 1e-9
    snapshot: SnapshotForm = "pickle"

    def bank(self, capacity: int) -> RiverBank:
        """Return an empty bank; a model is made with an entity's first event."""
        return RiverBank(
            capacity, partial(copy.deepcopy, self.template), self.warm_up, self.scoring_learns
        )


class RiverDetectors:
    """All of `river.anomaly`, in whatever version is installed."""

    def declarations(self) -> Sequence[Declaration]:
        """Return every detector; none when river is not installed."""
        return [_declaration(name, kind) for name, kind in _kinds().items()]

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> RiverDetector:
        """Build a detector, and warm one model on made-up data to learn its size.

        Raises:
            ParameterError: a parameter is unknown, or the model does not work with it.
            UnknownNameError: river has no such detector, or is not installed.
        """
        kind = _kind(name)
        declared = {parameter.name: parameter for parameter in _parameters(kind)}
        check_names(name, parameters, declared)
        given = {key: parameters.get(key, own.default) for key, own in declared.items()}
        chain, warm_up = given.pop("preprocess"), given.pop("warm_up")
        if given.get("limits"):
            chain = parameters.get("preprocess", [])
        if "warm_up" not in parameters:
            warm_up = given.get("window_size") or WARM_UP_EVENTS
        declared_warm_up = Number("warm_up", "integer", WARM_UP_EVENTS, least=0)
        warm_up = check_numbers(name, {"warm_up": warm_up}, [declared_warm_up])["warm_up"]
        template = _template(name, kind, given, chain, tuple(value_names))
        rows = PROBE_EVENTS + _count(given.get("window_size"))
        size, learns = _probe(name, template, rows, len(value_names))
        return RiverDetector(name, template, warm_up, size, learns)


def _kinds() -> dict[str, type]:
    if find_spec("river") is None:
        return {}
    anomaly = import_module("river.anomaly")
    # Release 0.22 lists names that it does not have.
    found = {name: getattr(anomaly, name, None) for name in anomaly.__all__}
    return {
        name: kind
        for name, kind in found.items()
        if kind and hasattr(kind, "score_one") and not inspect.isabstract(kind) and not _wraps(kind)
    }


def _wraps(kind: type) -> bool:
    """Whether it wraps another detector, as filters do."""
    parameters = inspect.signature(kind).parameters.values()
    return any(parameter.default is inspect.Parameter.empty for parameter in parameters)


def _kind(name: str) -> type:
    kinds = _kinds()
    if not kinds:
        raise UnknownNameError(
            f"{name} needs the package river: pip install 'pynomaly-engine[river]'"
        )
    plain = name.removeprefix("river.")
    if plain not in kinds:
        raise UnknownNameError(
            f'river has no anomaly detector "{plain}".{nearest(plain, kinds)} '
            f"Known: {', '.join(sorted(kinds))}"
        )
    return kinds[plain]


def _declaration(name: str, kind: type) -> Declaration:
    summary = (inspect.getdoc(kind) or name).splitlines()[0].rstrip(".")
    return Declaration(
        f"river.{name}",
        summary,
        tuple(_parameters(kind)),
        None,
        "pickle",
        f"river.anomaly.{name}",
        SUITS.get(name, ""),
        EXCEPTIONS.get(name, {}),
    )


def _parameters(kind: type) -> Iterator[Parameter]:
    own = list(inspect.signature(kind).parameters.values())
    for parameter in own:
        default = SEED if parameter.name == "seed" else parameter.default
        yield Parameter(parameter.name, _type_name(default), default)
    window = {parameter.name: parameter.default for parameter in own}.get("window_size")
    yield Parameter(
        "warm_up",
        "integer",
        window or WARM_UP_EVENTS,
        "events of an entity learned before its first score",
    )
    yield Parameter(
        "preprocess",
        "array",
        DEFAULT_CHAINS.get(kind.__name__, []),
        "river.preprocessing transformers: a name, or {name: {parameter: value}}",
    )


def _type_name(default: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return names.get(type(default), "any")


def _template(
    name: str, kind: type, given: Mapping[str, object], chain: object, names: tuple[str, ...]
) -> Model:
    model = _built(name, kind, given)
    takes_target = "y" in inspect.signature(model.score_one).parameters
    if takes_target and chain:
        raise ParameterError(
            "preprocess", f"{name} models each value itself: remove preprocess, it has no effect"
        )
    if takes_target:
        return TargetModels(model, len(names))
    for step in reversed(_steps(name, chain)):
        model = step | model
    return FeatureModel(model, names)


def _steps(name: str, chain: object) -> list[Any]:
    if not isinstance(chain, list):
        raise ParameterError("preprocess", f"{name}: preprocess must be a list, not {chain!r}")
    return [_step(name, entry) for entry in chain]


def _step(name: str, entry: object) -> Any:
    if isinstance(entry, str):
        entry = {entry: {}}
    if not (isinstance(entry, dict) and len(entry) == 1):
        raise ParameterError(
            "preprocess", f"{name}: a step is a name or {{name: {{...}}}}, not {entry!r}"
        )
    ((step, given),) = entry.items()
    preprocessing = import_module("river.preprocessing")
    if step not in preprocessing.__all__:
        raise ParameterError(
            "preprocess",
            f'{name}: river.preprocessing has no "{step}".'
            f"{nearest(str(step), preprocessing.__all__)}",
        )
    return _built(f"{name}: preprocess: {step}", getattr(preprocessing, step), given or {})


def _built(name: str, kind: type, given: Mapping[str, object]) -> Any:
    check_names(name, given, inspect.signature(kind).parameters)
    try:
        return kind(**given)
    except Exception as error:
        raise ParameterError("", f"{name} cannot be built: {error}") from error


def _count(window: object) -> int:
    return window if isinstance(window, int) else 0


def _probe(name: str, template: Model, events: int, width: int) -> tuple[int, bool]:
    """Return the size in bytes of a warm model, and whether scoring changes it."""
    rows = np.random.default_rng(SEED).normal(size=(events, width)).tolist()
    model = copy.deepcopy(template)
    try:
        with quiet():
            for row in rows:
                model.learn(row)
            before = pickle.dumps(model)
            model.score(rows[0])
            return footprint(model), pickle.dumps(model) != before
    except Exception as error:
        raise ParameterError(
            "", f"{name} does not work with these parameters: {type(error).__name__}: {error}"
        ) from error
