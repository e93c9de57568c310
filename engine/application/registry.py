"""The registry: finds plug-ins by entry point, built-in ones and third-party ones alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

from engine.application.parameter_types import check_types
from engine.domain.detector import Declaration, Detector, DetectorFamily
from engine.domain.errors import ParameterError, PynomalyError, UnknownNameError, nearest

if TYPE_CHECKING:
    from engine.application.cache_port import SharedCache
    from engine.application.control_ports import Store
    from engine.application.discovery_port import Discovery
    from engine.application.ports import (
        BrokerPlugin,
        ControlLogPlugin,
        FormatPlugin,
        RepartitionPlugin,
        SinkPlugin,
        SourcePlugin,
        StateStorePlugin,
        StepPlugin,
    )


def names(group: str) -> list[str]:
    """Return the names in a group: sources, sinks, stores, detectors, steps or brokers."""
    return sorted(_points(group))


def source(name: str) -> type[SourcePlugin]:
    """Return the source of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[SourcePlugin]", _load("sources", name))


def sink(name: str) -> type[SinkPlugin]:
    """Return the sink of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[SinkPlugin]", _load("sinks", name))


def store(name: str) -> type[StateStorePlugin]:
    """Return the state store of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[StateStorePlugin]", _load("stores", name))


def repartition(name: str) -> type[RepartitionPlugin]:
    """Return what re-keys messages, of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[RepartitionPlugin]", _load("repartitions", name))


def control_log(name: str) -> type[ControlLogPlugin]:
    """Return the control log that the state store of this name brings.

    Raises:
        UnknownNameError: there is no such store.
        AttributeError: it brings none.
    """
    return cast("type[ControlLogPlugin]", cast("Any", store(name)).ControlLog)


def control_store(name: str) -> type[Store]:
    """Return the store of this name, for the control plane.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[Store]", _load("control_stores", name))


def control_cache(name: str) -> type[SharedCache]:
    """Return what servers share, of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[SharedCache]", _load("control_caches", name))


def discovery(name: str) -> type[Discovery]:
    """Return what finds pipelines, of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[Discovery]", _load("discoveries", name))


def step(name: str) -> StepPlugin:
    """Return the step of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("StepPlugin", _load("steps", name))


def format(name: str) -> type[FormatPlugin]:  # noqa: A001 - as the others, by what it finds
    """Return the format of this name.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[FormatPlugin]", _load("formats", name))


def broker(name: str) -> type[BrokerPlugin]:
    """Return the broker of this name, for the demonstration.

    Raises:
        UnknownNameError: there is none.
    """
    return cast("type[BrokerPlugin]", _load("brokers", name))


def detector_family(name: str) -> DetectorFamily:
    """Return the family that a detector's name belongs to: "river" for "river.HalfSpaceTrees".

    Raises:
        UnknownNameError: there is none; the message names the nearest detector.
    """
    family = name.partition(".")[0]
    if family not in _points("detectors"):
        raise _unknown_detector(name)
    return _family(family)


def detector(name: str, parameters: Mapping[str, object], value_names: Sequence[str]) -> Detector:
    """Return a detector with its parameters.

    Raises:
        ParameterError: a parameter is unknown or has a value it cannot take; or the plug-in is no
            whole detector.
        UnknownNameError: there is none; the message names the nearest detector.
    """
    try:
        with _naming_the_plugin("detectors", name.partition(".")[0]):
            made = detector_family(name).create(name, parameters, value_names)
    except PynomalyError:
        # What creates the detector says best what is wrong.
        raise
    except Exception:
        _check_types(name, parameters)
        raise
    _check_types(name, parameters)
    _check_declared(name, parameters)
    missing = [part for part in (*Detector.__annotations__, "bank") if not hasattr(made, part)]
    if missing:
        kind = f"{type(made).__module__}.{type(made).__qualname__}"
        raise ParameterError(
            "", f"{kind} is not a complete detector: it lacks {', '.join(missing)}"
        )
    return made


def _check_types(name: str, parameters: Mapping[str, object]) -> None:
    if parameters:
        with suppress(UnknownNameError):
            check_types(name, declaration(name).parameters, parameters)


def declarations() -> list[Declaration]:
    """Return what all installed detectors say of themselves."""
    return [declared for name in names("detectors") for declared in _declarations(name)]


def declaration(name: str) -> Declaration:
    """Return what the detector of this name says of itself.

    Raises:
        UnknownNameError: there is none; the message names the nearest detector.
    """
    family = name.partition(".")[0]
    # Asks one family: river's and PyOD's take seconds to import.
    if family in _points("detectors"):
        for declared in _declarations(family):
            if declared.name == name:
                return declared
    raise _unknown_detector(name)


def _check_declared(name: str, parameters: Mapping[str, object]) -> None:
    """Refuse parameters that a plug-in neither declares nor refuses itself, as a misspelt one."""
    if not parameters:
        return  # No need to import what declares them.
    known = [parameter.name for parameter in declaration(name).parameters]
    for given in parameters:
        if given not in known:
            near = f"{nearest(given, known)} Known: {', '.join(known) or 'none'}"
            raise ParameterError(given, f'{name} has no parameter "{given}".{near}')


def _declarations(family: str) -> Sequence[Declaration]:
    with _naming_the_plugin("detectors", family):
        return _family(family).declarations()


@contextmanager
def _naming_the_plugin(group: str, name: str) -> Iterator[None]:
    """Add to a plug-in's own error which package it is of: its user may not be its author."""
    try:
        yield
    except PynomalyError:
        raise
    except Exception as error:
        package = _points(group)[name].dist
        of = "" if package is None else f" of the package {package.name} {package.version}"
        error.add_note(f'The error was raised in the plug-in "{name}" ({group}){of}')
        raise


@cache
def _family(name: str) -> DetectorFamily:
    return cast("DetectorFamily", _load("detectors", name)())


@cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"pynomaly.{group}")}


def _unknown_detector(name: str) -> UnknownNameError:
    known = [declared.name for declared in declarations()]
    return UnknownNameError(
        f'no detector is called "{name}".{nearest(name, known)} `pynomaly detectors` lists them all'
    )


def _load(group: str, name: str) -> Any:
    points = _points(group)
    if name not in points:
        raise UnknownNameError(
            f'no {group.removesuffix("s")} is called "{name}".{nearest(name, points)} '
            f"Known: {', '.join(sorted(points))}"
        )
    with _naming_the_plugin(group, name):
        return points[name].load()
