"""Pynomaly: streaming anomaly detection.

    import pynomaly

    found = pynomaly.score(frame, key="pump", time="at", values=["temperature"])
    file = pynomaly.load("pipeline.yaml")      # checked; an error names line and field
    pynomaly.run("pipeline.yaml")              # until its source ends

`pynomaly.plugins` holds what the author of a plug-in needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import __version__
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.use_cases.run_in_process import run_in_process
from engine.application.use_cases.score_table import like, score_table
from engine.domain.errors import PipelineFileError, PynomalyError

__all__ = [
    "PipelineFile",
    "PipelineFileError",
    "PynomalyError",
    "__version__",
    "load",
    "run",
    "score",
]


def run(file: PipelineFile | Path | str) -> None:
    """Run a pipeline in this process until its source ends; Ctrl-C drains it, losing nothing.

    State is kept and resumed as `pynomaly run` does. There is no supervisor: an error is raised.

    Args:
        file: the pipeline file, or its path.

    Raises:
        PynomalyError: what trying again does not cure.
    """
    run_in_process(file if isinstance(file, PipelineFile) else load(file))


def score(
    frame: Any,
    *,
    key: str | None = None,
    time: str,
    values: str | Sequence[str],
    detectors: str | Sequence[Any] = "auto",
    combine: str = "any",
    time_unit: str | None = None,
) -> Any:
    """Score the rows of a table, as a pipeline would score them one after the other.

    Each row is scored by the rows of its entity before it: nothing looks ahead.

    Args:
        frame: a DataFrame of pandas or polars, a Table of pyarrow, or a dictionary of arrays.
        key: the column of the entity; None if all rows are of one.
        time: the column of the event time: dates, or numbers with `time_unit`.
        values: the columns to watch; null and NaN are gaps.
        detectors: as in a pipeline file: "auto", or [{"zscore": {"half_life": 50}}].
        combine: as in a pipeline file.
        time_unit: s, ms, us or ns, of times that are numbers.

    Returns:
        A table of the same library with a row for each: "score" (0 to 1), "p_value", and of each
        value "<value>_low" and "<value>_high", the range that was expected; further columns are
        in docs/python.md. NaN during warm-up.

    Raises:
        PynomalyError: a column or a detector cannot be used.
    """
    columns = score_table(
        frame,
        key=key,
        time=time,
        values=[values] if isinstance(values, str) else values,
        detectors=detectors,
        combine=combine,
        time_unit=time_unit,
    )
    return like(frame, columns)
