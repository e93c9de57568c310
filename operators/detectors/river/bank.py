"""A bank of river models: one Python object an entity, made when its first event comes."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable, Mapping
from math import isnan
from typing import Any, cast

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s
from engine.domain.detector import State
from engine.domain.errors import SnapshotError
from operators.detectors.quiet import quiet
from operators.detectors.stored_models import load_models

MAX_SCORE = 1e30
# Beyond it squares overflow, and means never forget that.
MAX_VALUE = 1e30

Row = list[float]


class FeatureModel:
    """A river model that takes all values of an event as its features."""

    def __init__(self, model: Any, names: tuple[str, ...]) -> None:
        self.model = model
        self.names = names

    def score(self, row: Row) -> float:
        """Return the model's score of one event."""
        return float(self.model.score_one(dict(zip(self.names, row, strict=True))))

    def learn(self, row: Row) -> None:
        """Learn one event."""
        self.model.learn_one(dict(zip(self.names, row, strict=True)))


class TargetModels:
    """River models that take one target: one model a value, without features.

    The score of an event is the largest of its values' scores. The other values are not features:
    river's scalers make NaN of a first event's, and a running mean of errors never forgets it.
    """

    def __init__(self, model: Any, width: int) -> None:
        self.models = [copy.deepcopy(model) for _ in range(width)]

    def score(self, row: Row) -> float:
        """Return the largest score of the event's values."""
        pairs = zip(self.models, row, strict=True)
        return max(float(model.score_one({}, value)) for model, value in pairs)

    def learn(self, row: Row) -> None:
        """Learn one event."""
        for model, value in zip(self.models, row, strict=True):
            model.learn_one({}, value)


Model = FeatureModel | TargetModels


class RiverBank:
    """River models of many entities; see `engine.domain.detector.Bank`.

    Args:
        capacity: number of slots.
        new_model: makes the model of a new entity.
        warm_up: events of an entity that are learned before its first score.
        scoring_learns: the model changes while it scores, so that an event that must not be
            learned is shown to a copy.
    """

    def __init__(
        self, capacity: int, new_model: Callable[[], Model], warm_up: int, scoring_learns: bool
    ) -> None:
        self._new_model = new_model
        self._warm_up = warm_up
        self._scoring_learns = scoring_learns
        self._models: dict[int, Model] = {}
        self._learned = np.zeros(capacity, np.int64)
        self._failures: Counter[str] = Counter()

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score, then learn, in the given order: float64 [n]; NaN while warming or failed."""
        rows = np.clip(values, -MAX_VALUE, MAX_VALUE).tolist()
        events = zip(slots.tolist(), rows, learn.tolist(), strict=True)
        with quiet():
            return np.array([self._event(*event) for event in events], np.float64)

    def reset(self, slots: Int32s) -> None:
        """Forget the entities in these slots."""
        for slot in slots.tolist():
            self._models.pop(slot, None)
        self._learned[slots] = 0

    def copy(self, slots: Int32s, bank: RiverBank, theirs: Int32s) -> None:
        """Replace the models of slots by those of slots of an earlier bank."""
        self.reset(slots)
        self._learned[slots] = bank._learned[theirs]
        for own, other in zip(slots.tolist(), theirs.tolist(), strict=True):
            if other in bank._models:
                self._models[own] = bank._models[other]

    def dump(self, slots: Int32s) -> State:
        """Return the models as one pickle, and the number of events each has learned."""
        models = [self._models.get(slot) for slot in slots.tolist()]
        return {"models": pickle.dumps(models), "learned": self._learned[slots]}

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ...

        Raises:
            SnapshotError: not such a state, or of another version of river.
        """
        try:
            models = load_models(cast("bytes", state["models"]))
            count = len(models)
            self._learned[:count] = state["learned"]
        except Exception as error:
            raise SnapshotError(
                f"the stored river models do not fit this bank ({error!r}): "
                "install the version of river they were stored with, or start afresh"
            ) from error
        self._models = {slot: model for slot, model in enumerate(models) if model is not None}

    def failures(self) -> Mapping[str, int]:
        """Return counts of "score_failed" and "learn_failed" since the last call."""
        counted, self._failures = self._failures, Counter()
        return dict(counted)

    def _event(self, slot: int, row: Row, learn: bool) -> float:
        model = self._models.get(slot)
        if model is None:
            model = self._models[slot] = self._new_model()
        warm = self._learned[slot] >= self._warm_up
        score = self._score(model, row, learn, bool(warm))
        if learn:
            self._learned[slot] += 1
            self._learn(model, row)
        return score if warm else float("nan")

    def _score(self, model: Model, row: Row, learn: bool, warm: bool) -> float:
        if not learn and self._scoring_learns:
            model = copy.deepcopy(model)
        try:
            score = model.score(row)
        except Exception:  # noqa: BLE001  one event must not end the stream
            score = float("nan")
        if isnan(score):
            self._failures.update(["score_failed"] if warm else [])
            return score
        return min(max(score, -MAX_SCORE), MAX_SCORE)

    def _learn(self, model: Model, row: Row) -> None:
        try:
            model.learn(row)
        except Exception:  # noqa: BLE001  one event must not end the stream
            self._failures["learn_failed"] += 1
