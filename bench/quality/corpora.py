"""The corpora: what of the labelled data is there, read into series."""

from __future__ import annotations

import csv
import gzip
import json
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.quality import data, nab
from bench.quality.judges import judge_each, judge_nab, judge_together
from bench.quality.runs import runs_of
from bench.quality.series import Corpus, Series

MINUTE = 60 * 1_000_000_000
START = 1_767_225_600 * 1_000_000_000
QUICK_FILES = 8
QUICK_ROWS = 20_000


def corpora() -> list[Corpus]:
    """Return the corpora whose data is there."""
    known = [
        ("nab", "nab", "NAB 1.1: 58 univariate series, 116 windows", _nab, judge_nab),
        (
            "adbench",
            "adbench",
            "http, smtp, shuttle of ADBench, in stored order",
            _adbench,
            judge_each,
        ),
        ("adbench_shuffled", "adbench", "the same, rows shuffled (seed 1)", _shuffled, judge_each),
        ("asd", "asd", "ASD: 12 servers, 19 values; judged on the test part", _asd, judge_together),
        ("tsbad", "tsbad", "two univariate samples of TSB-AD and TSB-UAD", _tsbad, judge_together),
    ]
    return [
        Corpus(name, about, partial(load, root), judge)
        for name, folder, about, load, judge in known
        if (root := data.folder(folder)) is not None
    ]


def _nab(root: Path, quick: bool) -> list[Series]:
    windows = json.loads((root / "labels/combined_windows.json").read_text())
    names = sorted(windows)
    if quick:
        names = names[:: len(names) // QUICK_FILES][:QUICK_FILES]
    return [_nab_file(root, name, windows[name]) for name in names]


def _nab_file(root: Path, name: str, windows: list[list[str]]) -> Series:
    with (root / "data" / name).open() as lines:
        _, *rows = csv.reader(lines)
    stamps = [stamp for stamp, _ in rows]
    edges = [[edge.partition(".")[0] for edge in pair] for pair in windows]
    return Series(
        name.removesuffix(".csv"),
        np.array(stamps, "datetime64[ns]").astype(np.int64),
        np.array([[float(value)] for _, value in rows]),
        nab.place(stamps, edges),
    )


def _adbench(root: Path, quick: bool, shuffle: bool = False) -> list[Series]:
    found = []
    for file in sorted(root.glob("*.npz")):
        with np.load(file) as arrays:
            values, labels = arrays["X"].astype(np.float64), arrays["y"] == 1
        if shuffle:
            order = np.random.default_rng(1).permutation(len(values))
            values, labels = values[order], labels[order]
        name = file.stem.partition("_")[2]
        rows = _part(labels) if quick else slice(None)
        found.append(_untimed(name, values[rows], labels[rows]))
    return found


def _shuffled(root: Path, quick: bool) -> list[Series]:
    return _adbench(root, quick, shuffle=True)


def _part(labels: NDArray[np.bool_]) -> slice:
    """Return the rows up to some behind the first anomaly."""
    first = int(np.flatnonzero(labels)[0])
    return slice(max(0, first - QUICK_ROWS // 2), first + QUICK_ROWS // 2)


def _asd(root: Path, quick: bool) -> list[Series]:
    files = sorted(root.glob("*.npz"), key=lambda file: int(file.stem.partition("-")[2]))
    found = []
    for file in files[:2] if quick else files:
        with np.load(file) as arrays:
            values = np.concatenate([arrays["train"], arrays["test"]]).astype(np.float64)
            before, labels = len(arrays["train"]), arrays["test_label"] == 1
        found.append(_untimed(file.stem, values, np.append(np.zeros(before, bool), labels), before))
    return found


def _tsbad(root: Path, quick: bool) -> list[Series]:
    sample = np.loadtxt(next(root.glob("001_*.csv")), delimiter=",", skiprows=1)
    found = [_untimed("facility", sample[:, :1], sample[:, 1] == 1)]
    if not quick:
        with gzip.open(root / "MBA_ECG805_data.out.gz", "rt") as lines:
            beats = np.loadtxt(lines, delimiter=",")
        found.append(_untimed("ecg", beats[:, :1], beats[:, 1] == 1))
    return found


def _untimed(
    name: str,
    values: NDArray[np.float64],
    labels: NDArray[np.bool_],
    counts_from: int = 0,
) -> Series:
    """Return a series whose events are a minute apart."""
    times = START + np.arange(len(values)) * MINUTE
    return Series(name, times, np.ascontiguousarray(values), runs_of(labels), counts_from)
