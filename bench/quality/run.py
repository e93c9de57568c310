"""Run: detectors over corpora, each figure computed again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from math import isnan
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.quality.replay import replay
from bench.quality.series import Corpus, Figures
from engine.application.config.issues import ISSUES

Parameters = Mapping[str, Mapping[str, object]]

DEFAULT: Parameters = {
    "auto": {},
    "zscore": {},
    "half_space_trees": {},
    "river.GaussianScorer": {},
    "river.HalfSpaceTrees": {},
    "river.OneClassSVM": {},
    "river.StandardAbsoluteDeviation": {},
    "pyod.HBOS": {},
    "pyod.KNN": {},
    "pyod.PCA": {},
    "pyod.IForest": {"refit_every": 1024},
}
"""The detectors run unless others are named.

PyOD's forest is fitted more rarely than it comes, which costs 2 ms an event; ECOD and COPOD are
left out: an event's score depends on those it is asked with, so each is asked alone, at 1 ms.
"""
QUICK: Parameters = {name: DEFAULT[name] for name in ("auto", "zscore", "half_space_trees")}
LEFT_OUT = {("pyod.IForest", "adbench_shuffled")}
"""Not run unless the detector is named, for it takes minutes."""
ROOT = Path(__file__).parents[2]


def run(
    corpora: Iterable[Corpus],
    detectors: Parameters,
    quick: bool,
    tell: Callable[[str], None],
    left_out: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return results by corpus and detector, ready for JSON.

    Args:
        corpora: what to run on.
        detectors: names, with the parameters of each.
        quick: a few series of each corpus only.
        tell: gets a line for each detector and corpus.
        left_out: pairs of detector and corpus.
    """
    results: dict[str, Any] = {}
    commit = _commit()
    for corpus in corpora:
        series = corpus.load(quick)
        events = sum(map(len, series))
        found = results.setdefault(corpus.name, {})
        for name, parameters in detectors.items():
            if (name, corpus.name) in left_out:
                continue
            try:
                replayed = replay(name, parameters, series)
            except ValidationError as error:
                tell(f"{corpus.name:18}{name:32}not run: {_why(error)}")
                continue
            seconds = sum(one.seconds for one in replayed)
            result = _result(corpus.judge(series, replayed), events, seconds)
            found[name] = {"parameters": dict(parameters), "commit": commit, **result}
            cost = f"{seconds:7.1f} s {seconds / events * 1e9:11,.0f} ns each"
            tell(f"{corpus.name:18}{name:32}{events:9,} events {cost}")
    return results


def _commit() -> str:
    """Return the commit that is checked out, as far as it is known."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def _why(error: ValidationError) -> str:
    first = error.errors()[0]
    issues = first.get("ctx", {}).get(ISSUES)
    return str(issues[0].text if issues else first["msg"])


def _result(figures: Figures, events: int, seconds: float) -> dict[str, Any]:
    return {
        "events": events,
        "seconds": round(seconds, 2),
        "ns_per_event": round(seconds / events * 1e9, 1),
        "compared": _plain(figures.compared),
        "others": _plain(figures.others),
    }


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    """Round, and put null for NaN, which JSON does not have."""
    return {name: None if isnan(value) else round(value, 6) for name, value in figures.items()}
