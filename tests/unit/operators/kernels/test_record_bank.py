from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numba.core import caching

from engine.domain.errors import SnapshotError
from operators.detectors import zscore
from operators.kernels import record_bank as native
from operators.kernels.record_bank import RecordBank

OLD = np.dtype([("a", "<f4", (2,)), ("gone", "<f8")])
NEW = np.dtype([("new", "<i4"), ("a", "<f8", (2,))])


def test_fields_are_migrated_by_name() -> None:
    old, new = RecordBank(3, OLD), RecordBank(4, NEW)
    old.records["a"] = [[1, 2], [3, 4], [5, 6]]
    old.records["gone"] = 9
    new.load(old.dump(np.array([2, 0], np.int32)))
    np.testing.assert_array_equal(new.records["a"], [[5, 6], [1, 2], [0, 0], [0, 0]])
    np.testing.assert_array_equal(new.records["new"], 0)


def test_a_dump_is_a_copy() -> None:
    bank = RecordBank(1, NEW)
    state = bank.dump(np.array([0], np.int32))
    bank.records["new"] = 1

    assert state["state"]["new"] == 0  # type: ignore[call-overload]


def test_reset_touches_only_the_given_slots() -> None:
    bank = RecordBank(3, NEW)
    bank.records["new"] = [1, 2, 3]
    bank.reset(np.array([1], np.int32))
    np.testing.assert_array_equal(bank.records["new"], [1, 0, 3])


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"state": b"x"},
        {"state": np.zeros(2)},
        {"state": np.zeros((1, 1), NEW)},
        {"state": np.zeros(5, NEW)},
        {"state": np.zeros(1, [("a", "<f8", (3,))])},
        {"state": np.zeros(1, [("new", "<f8")])},
    ],
)
def test_a_state_that_does_not_fit_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(SnapshotError):
        RecordBank(4, NEW).load(state)  # type: ignore[arg-type]


def test_compiles_where_no_folder_is_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    driver = native.compile_driver(zscore.score, zscore.learn)
    params = zscore.ZScore().create("zscore", {}, ["a"])._params
    scores = np.empty(1)
    one = np.zeros(1, np.int32), np.zeros((1, 1)), np.ones(1, bool)
    driver(np.zeros(1, zscore.record(1)), *one, params, scores)

    assert np.isnan(scores[0])


PROGRAM = """
import numpy as np
from operators.detectors import zscore
bank = zscore.ZScore().create("zscore", {}, ["a"]).bank(1)
bank.score(np.zeros(1, np.int32), np.zeros((1, 1)), np.ones(1, bool))
print(sum(zscore._driver.stats.cache_hits.values()))
"""


def run(program: str, folder: Path, *words: str) -> str:
    """What a process prints that keeps its machine code in a folder."""
    file = folder / "program.py"
    if not file.exists():
        file.write_text(program)
    return subprocess.run(
        [sys.executable, str(file), *words],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.strip()


def test_the_next_process_finds_the_machine_code(tmp_path: Path) -> None:
    assert [run(PROGRAM, tmp_path) for _ in range(2)] == ["0", "1"]


def test_processes_that_start_together_compile_once(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(run, [PROGRAM] * 2, [tmp_path] * 2))

    assert sorted(found) == ["0", "1"]


CALLED = """
from math import exp, log, sin
from numba import njit

@njit
def called(state, x):
    # So long that it is not put into its caller.
    for i in range(3):
        if x > exp(i):
            state.sum += log(x + 1.0) * sin(x)
        for j in range(int(x)):
            state.sum += exp(sin(x * j)) * log(1.0 + j)
            if state.sum > 1e9:
                state.sum = log(state.sum)
    state.calls += 1.0
    return state.sum
"""
OF_RECORDS = """
import sys
import numpy as np
import part
from operators.kernels.record_bank import kernel

def loop(record, x):
    return part.called(record, x) + part.called(record, x + 1.0)

drive = kernel(loop, (part,))
for values in map(int, sys.argv[1:]):
    fields = [("values", "<f8", (values,)), ("sum", "<f8"), ("calls", "<f8")]
    (record,) = np.zeros(1, fields)
    drive(record, 3.0)
    print(record["calls"], record["values"].sum(), drive.stats.cache_hits.total(), end=" ")
"""


def test_code_of_two_processes_for_records_of_other_fields_is_distinguished(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(CALLED)

    assert [run(OF_RECORDS, tmp_path, values) for values in ("3", "5")] == ["2.0 0.0 0"] * 2
    assert run(OF_RECORDS, tmp_path, "3", "5") == "2.0 0.0 1 2.0 0.0 2"
