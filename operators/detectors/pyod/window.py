"""A bank of windows: each entity's last events, and the PyOD model fitted on them."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Bools, Floats, Int32s
from engine.domain.detector import State
from engine.domain.errors import SnapshotError
from operators.detectors.pyod.model import FitError, FittedModel, ScoringMode, ask, fit
from operators.detectors.quiet import quiet
from operators.detectors.stored_models import load_models


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a model is fitted.

    Attributes:
        window: events kept.
        refit_every: learned events between two fits.
        min_fill: learned events before the first fit.
    """

    window: int
    refit_every: int
    min_fill: int

    def until_fit(self, learned: int) -> int:
        """Return how many events more must be learned until the next fit; at least 1."""
        if learned < self.min_fill:
            return self.min_fill - learned
        return self.refit_every - (learned - self.min_fill) % self.refit_every


class WindowBank:
    """Windows and models of many entities; see `engine.domain.detector.Bank`.

    Args:
        capacity: number of slots.
        width: values of an event.
        schedule: when models are fitted.
        new_model: makes an unfitted model.
        asking: how events are shown to a model.
    """

    def __init__(
        self,
        capacity: int,
        width: int,
        schedule: Schedule,
        new_model: Callable[[], Any],
        mode: ScoringMode,
    ) -> None:
        self._schedule = schedule
        self._new_model = new_model
        self._asking = mode
        self._windows = np.zeros((capacity, schedule.window, width))
        self._learned = np.zeros(capacity, np.int64)
        self._models: dict[int, FittedModel] = {}
        self._failures: Counter[str] = Counter()

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score, then learn, entity by entity: float64 [n]; NaN before the first fit."""
        scores = np.full(len(slots), np.nan)
        with quiet():
            for slot, rows in _runs(slots):
                scores[rows] = self._run(slot, values[rows], learn[rows])
        return scores

    def reset(self, slots: Int32s) -> None:
        """Forget the entities in these slots."""
        self._learned[slots] = 0
        for slot in slots.tolist():
            self._models.pop(slot, None)

    def copy(self, slots: Int32s, bank: WindowBank, theirs: Int32s) -> None:
        """Replace the models of slots by those of slots of an earlier bank."""
        self.reset(slots)
        self._windows[slots] = bank._windows[theirs]
        self._learned[slots] = bank._learned[theirs]
        for own, other in zip(slots.tolist(), theirs.tolist(), strict=True):
            if other in bank._models:
                self._models[own] = bank._models[other]

    def dump(self, slots: Int32s) -> State:
        """Return windows, counts of learned events, and the models as one pickle."""
        models = [self._models.get(slot) for slot in slots.tolist()]
        return {
            "windows": self._windows[slots],
            "learned": self._learned[slots],
            "models": pickle.dumps(models),
        }

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ...

        Raises:
            SnapshotError: not such a state, another window size, or another version of PyOD.
        """
        try:
            models = load_models(cast("bytes", state["models"]))
            self._windows[: len(models)] = state["windows"]
            self._learned[: len(models)] = state["learned"]
        except Exception as error:
            raise SnapshotError(
                f"the stored PyOD models do not fit this bank ({error!r}): use the window and the "
                "versions of PyOD and scikit-learn they were stored with, or start afresh"
            ) from error
        self._models = {slot: model for slot, model in enumerate(models) if model is not None}

    def failures(self) -> Mapping[str, int]:
        """Return counts of "refits", "fit_failed" and "score_failed" since the last call."""
        counted, self._failures = self._failures, Counter()
        return dict(counted)

    def _run(self, slot: int, values: Floats, learn: Bools) -> Floats:
        """Score one entity's events, from fit to fit."""
        scores = np.full(len(values), np.nan)
        start = 0
        while start < len(values):
            stop, due = self._stretch(slot, learn[start:])
            stop += start
            scores[start:stop] = self._ask(slot, values[start:stop])
            self._keep(slot, values[start:stop][learn[start:stop]])
            if due:
                self._fit(slot)
            start = stop
        return scores

    def _stretch(self, slot: int, learn: Bools) -> tuple[int, bool]:
        """Return how many events come before the next fit, and whether it is due after them."""
        needed = self._schedule.until_fit(int(self._learned[slot]))
        learned = np.flatnonzero(learn)
        if len(learned) < needed:
            return len(learn), False
        return int(learned[needed - 1]) + 1, True

    def _ask(self, slot: int, values: Floats) -> Floats:
        fitted = self._models.get(slot)
        if fitted is None:
            return np.full(len(values), np.nan)
        scores = ask(fitted, values, self._asking)
        failed = int(np.isnan(scores).sum())
        self._failures.update({"score_failed": failed} if failed else {})
        return scores

    def _keep(self, slot: int, values: Floats) -> None:
        learned, size = self._learned[slot], self._schedule.window
        positions = np.arange(learned, learned + len(values))[-size:]
        self._windows[slot, positions % size] = values[-size:]
        self._learned[slot] += len(values)

    def _fit(self, slot: int) -> None:
        try:
            self._models[slot] = fit(self._new_model, self._window(slot), self._asking)
            self._failures["refits"] += 1
        except FitError:
            self._failures["fit_failed"] += 1

    def _window(self, slot: int) -> Floats:
        """Return an entity's events in their order: float64 [w, d]."""
        learned, size = int(self._learned[slot]), self._schedule.window
        if learned <= size:
            return self._windows[slot, :learned]
        return np.roll(self._windows[slot], -(learned % size), axis=0)


def _runs(slots: Int32s) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Give each slot with its rows, in their order."""
    if not len(slots):
        return
    order = np.argsort(slots, kind="stable")
    edges = np.flatnonzero(np.diff(slots[order])) + 1
    for rows in np.split(order, edges):
        yield int(slots[rows[0]]), rows
