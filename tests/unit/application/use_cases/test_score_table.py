"""Tables of pandas, polars and pyarrow, scored as a pipeline scores them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas
import polars
import pyarrow
import pytest

import pynomaly
from connectors import memory
from engine.application.config.load import load
from engine.application.dataflow.build import build
from engine.application.ports import RunContext
from engine.domain.errors import ParameterError, PynomalyError

ROWS, START = 40_000, 1_767_225_600
SPIKED = np.random.default_rng(5).choice(ROWS, 40, replace=False)
"""Rows with an outlier; at equal intervals they would be a schedule."""
DETECTORS = ["auto", {"zscore": {"half_life": 50}}]
FILE = """
name: score
source: {memory: {store: in, batch: 777}}
event:
  key: pump
  time: {path: at, unit: s}
  max_future: 36500d
  values: {t: {path: t, optional: true}, p: p}
detectors: [auto, {zscore: {half_life: 50}}]
sinks: {anomalies: {memory: {store: anomalies}}, scores: {memory: {store: scores}}}
"""


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    draw = np.random.default_rng(3)
    t = draw.normal(20, 1, ROWS)
    t[SPIKED] += 30
    t[::1_001] = np.nan
    return {
        "pump": np.array([f"pump-{n % 7}" for n in range(ROWS)], object),
        "at": np.datetime64(START, "s").astype("datetime64[ns]") + np.arange(ROWS) * 60 * 10**9,
        "t": t,
        "p": draw.exponential(1, ROWS),
    }


def piped(folder: Path, columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the scores that a whole pipeline publishes, in the order of the rows."""
    seconds = columns["at"].astype("datetime64[s]").astype(np.int64).tolist()
    rows = zip(columns["pump"], seconds, columns["t"].tolist(), columns["p"].tolist(), strict=True)
    messages = [
        orjson.dumps({"pump": pump, "at": at, "p": p} | ({"t": t} if t == t else {}))
        for pump, at, t, p in rows
    ]
    memory.messages["in"] = [[*messages]]
    memory.records.clear()
    file = folder / "p.yaml"
    file.write_text(FILE)
    build(load(file), RunContext("score")).run()
    found = [orjson.loads(record.value or b"") for record in memory.records["scores"]]
    return sorted(found, key=lambda one: int(one["origin"]["offset"]))


def test_scores_are_those_of_a_pipeline_to_the_last_bit(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    expected = piped(tmp_path, columns)

    found = pynomaly.score(columns, key="pump", time="at", values=["t", "p"], detectors=DETECTORS)

    assert len(expected) == ROWS
    p_values = np.array([one["p_value"] for one in expected], np.float64)
    np.testing.assert_array_equal(found["p_value"], p_values)
    for n, name in enumerate(("auto", "zscore")):
        theirs = np.array([one["detectors"][n]["p_value"] for one in expected], np.float64)
        np.testing.assert_array_equal(found[f"{name}_p_value"], theirs)
    scores = np.array([one["score"] for one in expected], np.float64)
    np.testing.assert_allclose(found["score"], scores, rtol=1e-12)


@pytest.mark.parametrize(
    "frame_of",
    [
        pandas.DataFrame,
        polars.DataFrame,
        pyarrow.Table.from_pydict,
        lambda columns: pandas.DataFrame(columns).assign(
            at=lambda frame: frame["at"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        ),
    ],
    ids=["pandas", "polars", "pyarrow", "pandas with a zone"],
)
def test_a_table_comes_back_in_kind(
    columns: dict[str, Any], frame_of: Callable[[dict[str, Any]], Any]
) -> None:
    some = {name: column[:3_000] for name, column in columns.items()}
    expected = pynomaly.score(some, key="pump", time="at", values="p")
    frame = frame_of(some)

    found = pynomaly.score(frame, key="pump", time="at", values="p")

    assert type(found) is type(frame)
    for name, column in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name], np.float64), column)


def test_an_outlier_is_outside_of_the_expected_range(columns: dict[str, Any]) -> None:
    found = pynomaly.score(columns, key="pump", time="at", values="t")

    late = slice(ROWS // 2, None)
    outside = columns["t"][late] > found["t_high"][late]
    spiked = np.isin(np.arange(ROWS), SPIKED)[late] & ~np.isnan(columns["t"][late])

    assert outside[spiked].all()
    assert np.nanmedian(found["p_value"][late][spiked]) < 0.01


def test_numbers_as_times_need_their_unit() -> None:
    table = {"at": np.arange(100), "v": np.arange(100.0)}

    with pytest.raises(ParameterError, match="say their time_unit, one of s, ms, us, ns"):
        pynomaly.score(table, time="at", values="v")

    in_seconds = pynomaly.score(table, time="at", values="v", time_unit="s")
    in_milliseconds = pynomaly.score(
        {**table, "at": table["at"] * 1_000}, time="at", values="v", time_unit="ms"
    )

    np.testing.assert_array_equal(in_seconds["p_value"], in_milliseconds["p_value"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "pumps"}, 'no column "pumps". Did you mean "pump"'),
        ({"values": ["v", "w"]}, 'no column "w"'),
        ({"values": "pump"}, '"pump" does not hold numbers'),
        ({"time": "pump"}, '"pump" holds neither dates nor numbers'),
        ({"key": "hole"}, '"hole" has rows without an entity'),
        ({"time": "never"}, '"never" has rows without a time'),
        ({"detectors": ["zscor"]}, 'Did you mean "zscore"'),
        ({"combine": "most"}, "expected one of any, all"),
    ],
)
def test_reports_unusable_arguments(changes: dict[str, Any], message: str) -> None:
    table = {
        "pump": np.array(["a"] * 10, object),
        "hole": np.array(["a"] * 9 + [None], object),
        "at": np.arange(10).astype("datetime64[s]"),
        "never": np.array(["NaT"] * 10, "datetime64[s]"),
        "v": np.arange(10.0),
    }

    with pytest.raises(PynomalyError) as raised:
        pynomaly.score(table, **{"key": "pump", "time": "at", "values": "v", **changes})

    assert message in str(raised.value)


def test_reports_where_anomalies_begin_and_what_ranks_them(columns: dict[str, Any]) -> None:
    t = columns["t"].copy()
    t[2_000:2_040] += 1_000.0

    found = pynomaly.score({**columns, "t": t}, key=None, time="at", values="t")

    lasting = slice(2_010, 2_040)

    assert np.max(found["p_value"][lasting]) < 1e-3
    assert np.nanmin(found["onset_p_value"][1_999:2_003]) < 1e-6
    assert np.median(found["onset_p_value"][lasting]) >= 0.1
    assert np.min(found["auto_score"][lasting]) > np.nanquantile(found["auto_score"], 0.95)
