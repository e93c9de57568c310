"""A fitted PyOD model, and how to get scores that depend on one event only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.domain.batch import Floats

ScoringMode = Literal["together", "alone", "with window"]
"""How events are shown to a model.

together: many at once, each is scored for itself. alone: one at a time, because the model looks at
all it is shown. with window: one at a time below the window it was fitted on, because it scores
only what it finds in a crowd.
"""

SEED = 42
MAX_SCORE = 1e30
# Beyond it squares overflow, and HDBSCAN then takes all memory there is.
MAX_VALUE = 1e30
# Linear algebra gives other last bits for other shapes: we keep what no shape changes.
PRECISION = 1e-9


@dataclass
class FittedModel:
    """A model fitted on one window.

    Attributes:
        model: the PyOD model.
        scale: the largest absolute score in its window: scores are rounded relative to it.
        window: float64 [w, d], kept only if events are scored with it.
    """

    model: Any
    scale: float
    window: Floats | None


class FitError(Exception):
    """The window cannot be fitted."""


def fit(new_model: Callable[[], Any], window: Floats, mode: ScoringMode) -> FittedModel:
    """Fit a new model on a window, float64 [w, d].

    Raises:
        FitError: PyOD raises, or scores its own window with NaN.
    """
    generator = np.random.get_state()
    np.random.seed(SEED)
    try:
        model = new_model()
        model.fit(_bounded(window))
        scores = np.asarray(model.decision_scores_, np.float64)
    except Exception as error:
        raise FitError(f"{type(error).__name__}: {error}") from error
    finally:
        np.random.set_state(generator)
    if np.isnan(scores).any():
        raise FitError("its own window scores NaN")
    finite = np.abs(scores[np.isfinite(scores)])
    kept = window.copy() if mode == "with window" else None
    return FittedModel(model, float(finite.max(initial=1e-12)), kept)


def ask(fitted: FittedModel, rows: Floats, mode: ScoringMode) -> Floats:
    """Score rows, float64 [n, d]: float64 [n], higher = more anomalous; NaN if the model fails."""
    generator = np.random.get_state()
    try:
        if mode == "together":
            scores = _decide(fitted.model, rows)
            if not np.isnan(scores).any():
                return _rounded(scores, fitted.scale)
        return _rounded(
            np.array([_one(fitted, rows[at : at + 1]) for at in range(len(rows))]), fitted.scale
        )
    finally:
        np.random.set_state(generator)


def _one(fitted: FittedModel, row: Floats) -> float:
    shown = row if fitted.window is None else np.concatenate([fitted.window, row])
    return float(_decide(fitted.model, shown)[-1])


def _decide(model: Any, rows: Floats) -> Floats:
    np.random.seed(SEED)
    try:
        scores = np.asarray(model.decision_function(_bounded(rows)), np.float64).reshape(len(rows))
    except Exception:  # noqa: BLE001  one event must not end the stream
        return np.full(len(rows), math.nan)
    return np.clip(scores, -MAX_SCORE, MAX_SCORE)


def _bounded(values: Floats) -> Floats:
    """Return a copy, for some models write to what they are given."""
    return np.clip(values, -MAX_VALUE, MAX_VALUE)


def _rounded(scores: Floats, scale: float) -> Floats:
    quantum = np.exp2(np.floor(np.log2(PRECISION * np.maximum(np.abs(scores), scale))))
    return np.asarray(np.round(scores / quantum) * quantum + 0.0, np.float64)


def find_mode(new_model: Callable[[], Any], rows: int, width: int) -> ScoringMode:
    """Try a detector on made-up data, and find how it must be asked.

    Raises:
        FitError: it cannot be fitted, or scores no event at all.
    """
    random = np.random.default_rng(SEED)
    window = random.normal(size=(rows, width))
    events = random.normal(size=(8, width))
    events[3] = 12.0
    for mode in ("alone", "with window"):
        fitted = fit(new_model, window, mode)
        alone = ask(fitted, events, mode)
        if not np.isnan(alone).any() and alone.max() > alone.min():
            break
    else:
        raise FitError("it gives single events no score")
    if mode == "alone" and np.allclose(ask(fitted, events, "together"), alone, rtol=1e-6):
        return "together"
    return mode
