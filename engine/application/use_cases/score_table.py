"""Score a table with the steps of a pipeline, on columns in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.application import registry
from engine.application.config.load import parse
from engine.application.ports import MakeTaskStep, RunContext
from engine.domain.batch import EventBatch, Floats, Int64s, Objects, ScoredBatch
from engine.domain.detector import ExplainingDetector
from engine.domain.errors import FatalError, ParameterError, nearest
from engine.domain.pipeline import Pipeline

CHUNK_ROWS = 16_384
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

Columns = dict[str, NDArray[Any]]


def score_table(
    table: Any,
    *,
    key: str | None,
    time: str,
    values: Sequence[str],
    detectors: str | Sequence[Any] = "auto",
    combine: str = "any",
    time_unit: str | None = None,
) -> Columns:
    """Score the rows of a table in their order, each by the rows of its entity before it.

    Args:
        table: has columns by name that numpy can read: of pandas, polars, pyarrow, or a dictionary.
        key: the column of the entity; None if all rows are of one.
        time: the column of the event time: dates, or numbers with `time_unit`.
        values: the columns to watch; null and NaN are gaps.
        detectors: as in a pipeline file.
        combine: as in a pipeline file.
        time_unit: s, ms, us or ns, of times that are numbers.

    Returns:
        The columns "score", "p_value", and of each value "<value>_low" and "<value>_high", the
        range expected; of each detector "<detector>_score", its raw score, of several also
        "<detector>_p_value"; "onset_p_value" if the only detector has one. NaN during the
        warm-up.

    Raises:
        ParameterError: a column is missing, or does not hold what it should.
        FatalError: the detectors cannot be used.
    """
    if isinstance(values, str):
        values = [values]
    pipeline = _pipeline(len(values), detectors, combine)
    events = _events(table, key, time, values, time_unit)
    return _results(_scored(pipeline, events), values, pipeline, len(events))


def _pipeline(width: int, detectors: str | Sequence[Any], combine: str) -> Pipeline:
    """Return a pipeline of these detectors, by way of the pipeline file's own checks."""
    document = {
        "name": "score",
        "source": "stdin",
        "event": {
            "key": "key",
            "time": {"path": "time", "unit": "ns"},
            # Names of columns may not be paths.
            "values": {f"v{n}": {"path": f"v{n}", "optional": True} for n in range(width)},
        },
        "detectors": detectors if isinstance(detectors, str) else list(detectors),
        "combine": combine,
        "sinks": {"anomalies": "stdout"},
    }
    return parse(json.dumps(document), Path("score"), {}).pipeline()


def _events(
    table: Any, key: str | None, time: str, values: Sequence[str], unit: str | None
) -> EventBatch:
    matrix = np.column_stack([_numbers(name, _column(table, name, "values")) for name in values])
    rows = len(matrix)
    times = _times(time, _column(table, time, "time"), unit)
    keys = np.full(rows, "", object) if key is None else _keys(key, _column(table, key, "key"))
    offsets = np.arange(rows, dtype=np.int64)
    partitions = np.zeros(rows, np.int32)
    ordered = np.ascontiguousarray(matrix)
    return EventBatch("table", keys, times, ordered, partitions, offsets, times)


def _scored(pipeline: Pipeline, events: EventBatch) -> Iterator[ScoredBatch]:
    step = registry.step("detect")(pipeline, RunContext("score"))
    task = cast("MakeTaskStep", step)(1)
    for begin in range(0, len(events), CHUNK_ROWS):
        yield from task.process([events.take(slice(begin, begin + CHUNK_ROWS))])


def _results(
    scored: Iterator[ScoredBatch], values: Sequence[str], pipeline: Pipeline, rows: int
) -> Columns:
    several = len(pipeline.detectors) > 1
    names = [
        "score",
        "p_value",
        *(f"{value}{end}" for value in values for end in ("_low", "_high")),
    ]
    names += [f"{name}_score" for name in pipeline.detector_names]
    names += [f"{name}_p_value" for name in pipeline.detector_names] if several else []
    explained = not several and isinstance(pipeline.detectors[0], ExplainingDetector)
    names += ["onset_p_value"] if explained else []
    found: Columns = {name: np.full(rows, np.nan) for name in names}
    for batch in scored:
        at = batch.events.offsets
        found["p_value"][at] = batch.p_value
        found["score"][at] = _score(batch.p_value)
        centers, widths = batch.expected()
        for n, value in enumerate(values):
            found[f"{value}_low"][at] = centers[:, n] - widths[:, n]
            found[f"{value}_high"][at] = centers[:, n] + widths[:, n]
        for n, name in enumerate(pipeline.detector_names):
            found[f"{name}_score"][at] = batch.scores[:, n]
        if explained:
            found["onset_p_value"][at] = batch.explanations[0].onset_p_values
        if several:
            for n, name in enumerate(pipeline.detector_names):
                found[f"{name}_p_value"][at] = batch.p_values[:, n]
    return found


def _score(p_values: Floats) -> Floats:
    """Return 0..1 for people to read: a tenth for each power of ten, as anomalies have it."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(-np.log10(p_values) / 10, 0.0, 1.0))


def _column(table: Any, name: str, parameter: str) -> Any:
    # pyarrow calls its columns so; a dictionary has its keys.
    named = getattr(table, "column_names", None)
    known = list(table if isinstance(table, Mapping) else table.columns if named is None else named)
    if name not in known:
        near = nearest(name, map(str, known))
        raise ParameterError(parameter, f'the table has no column "{name}".{near}')
    return table[name]


def _numbers(name: str, column: Any) -> Floats:
    try:
        found = np.asarray(column, np.float64)
    except (TypeError, ValueError):
        raise ParameterError("values", f'column "{name}" does not hold numbers') from None
    # A detector is never given infinities: of a pipeline they would be rejects.
    return np.where(np.isinf(found), np.nan, found)


def _keys(name: str, column: Any) -> Objects:
    keys = np.asarray(column).tolist()
    if any(key is None or key != key for key in keys):
        raise ParameterError("key", f'column "{name}" has rows without an entity')
    return np.array([str(key) for key in keys], object)


def _times(name: str, given: Any, unit: str | None) -> Int64s:
    column = np.asarray(given)
    if column.dtype.kind in "iuf":
        if unit not in NANOSECONDS:
            units = ", ".join(NANOSECONDS)
            text = f'column "{name}" holds numbers: say their time_unit, one of {units}'
            raise ParameterError("time_unit", text)
        if not np.isfinite(column).all():
            raise ParameterError("time", f'column "{name}" has rows without a time')
        exact = np.float64 if column.dtype.kind == "f" else np.int64
        return np.asarray(column.astype(exact) * NANOSECONDS[unit]).astype(np.int64)
    try:
        # Of pandas, not of numpy's array of it: times with a zone become UTC.
        dates = np.asarray(given, "datetime64[ns]")
    except (TypeError, ValueError):
        raise ParameterError("time", f'column "{name}" holds neither dates nor numbers') from None
    if np.isnat(dates).any():
        raise ParameterError("time", f'column "{name}" has rows without a time')
    return dates.astype(np.int64)


def like(table: Any, columns: Mapping[str, NDArray[Any]]) -> Any:
    """Return columns as a table of the same library; a dictionary of arrays for another one."""
    kind = type(table)
    library = kind.__module__.partition(".")[0]
    if library == "pandas":
        return kind(dict(columns), index=table.index)
    if library == "polars":
        return kind(dict(columns))
    if library == "pyarrow":
        return kind.from_pydict(dict(columns))
    if isinstance(table, Mapping):
        return dict(columns)
    raise FatalError(f"expected a table of pandas, polars or pyarrow, not {kind.__name__}")
