"""Fake plug-ins, registered the way entry points are, and a way to load a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr, field_validator

from engine.application import registry
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import Settings as PluginSettings
from engine.domain.detector import Declaration, Parameter
from engine.domain.errors import ParameterError, PipelineFileError, UnknownNameError

Load = Callable[..., PipelineFile]
Problems = Callable[..., list[str]]


class FakeQueue:
    exactly_once = True

    class Settings(PluginSettings):
        brokers: str
        """Addresses of the brokers."""
        topic: str
        """Name of the topic."""
        settings: dict[str, str | int | bool] = Field(default_factory=dict)
        """Client settings."""
        password: SecretStr | None = None
        """Password."""
        batch: int = Field(default=10, ge=1)
        """Messages a poll."""

        @field_validator("topic")
        @classmethod
        def _is_lower(cls, topic: str) -> str:
            if topic != topic.lower():
                raise ValueError("expected a topic in lower case")
            return topic


class FakeFile:
    class Settings(PluginSettings):
        path: Path
        """Path of the file."""
        max_size: str | None = None
        """Most bytes of the file."""


class FakeStdout:
    roles = ("anomalies", "scores")

    class Settings(PluginSettings):
        pass


class FakeDetector:
    handles_gaps = False
    resolution = 1e-9
    snapshot = "bytes"
    warm_up = 10

    def __init__(self, name: str = "", parameters: Mapping[str, object] | None = None) -> None:
        self.name = name
        self.parameters = parameters
        self.bytes_per_entity = 12

    def bank(self, capacity: int) -> None:
        raise AssertionError("no pipeline runs in these tests")


class FakeFamily:
    name = "zscore"

    def declarations(self) -> Sequence[Declaration]:
        half_life = Parameter("half_life", "float", 100.0, "Events.")
        return [Declaration(self.name, "Robust.", (half_life,), 12, "bytes", "a paper")]

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> FakeDetector:
        if not parameters.keys() <= {"half_life"}:
            wrong = next(iter(parameters.keys() - {"half_life"}))
            raise ParameterError(wrong, f'there is no parameter "{wrong}".')
        if not isinstance(parameters.get("half_life", 1.0), (int, float)):
            raise ParameterError("half_life", "expected a number")
        if parameters.get("half_life") == 13:
            raise ParameterError("", f"not with {len(value_names)} values")
        return FakeDetector(name, parameters)


class FakeTrees(FakeFamily):
    name = "half_space_trees"


class FakeAuto(FakeFamily):
    name = "auto"


class FakePackage(FakeFamily):
    name = "river.HalfSpaceTrees"

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> FakeDetector:
        if name != self.name:
            raise UnknownNameError(f'river has no detector "{name}"')
        return FakeDetector(name, parameters)


class FakeStore(FakeQueue):
    ControlLog = FakeQueue


class FakePoint:
    dist = None
    """The package of a real one; it may have none."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def load(self) -> Any:
        if isinstance(self._target, Exception):
            raise self._target
        return self._target


class FakeFormat:
    class Settings(PluginSettings):
        registry: str
        """Address of the registry."""


POINTS: dict[str, dict[str, Any]] = {
    "formats": {"avro": FakeFormat, "broken": ImportError("No module called x")},
    "sources": {"queue": FakeQueue, "file": FakeFile},
    "sinks": {
        "queue": FakeQueue,
        "file": FakeFile,
        "stdout": FakeStdout,
        "broken": ImportError("No module called x"),
    },
    "stores": {"kafka": FakeStore},
    "repartitions": {"queue": FakeQueue},
    "detectors": {
        "auto": FakeAuto,
        "zscore": FakeFamily,
        "half_space_trees": FakeTrees,
        "river": FakePackage,
    },
}


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    points = {
        group: {name: FakePoint(target) for name, target in targets.items()}
        for group, targets in POINTS.items()
    }
    monkeypatch.setattr(registry, "_points", lambda group: points[group])
    registry._family.cache_clear()
    yield
    registry._family.cache_clear()


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    def load_text(text: str, **environ: str) -> PipelineFile:
        file = tmp_path / "p.yaml"
        file.write_text(text)
        return load(file, environ)

    return load_text


@pytest.fixture
def problems(load_text: Load, tmp_path: Path) -> Problems:
    """Return the problems of a text, each as `LINE: field: text`; none where it is valid."""

    def problems(text: str, **environ: str) -> list[str]:
        try:
            load_text(text, **environ)
        except PipelineFileError as error:
            file = f"{tmp_path / 'p.yaml'}:"
            lines = str(error).splitlines()
            assert all(line.startswith(file) for line in lines)
            return [line.removeprefix(file) for line in lines]
        return []

    return problems
