"""zscore, broken in one place each, and the checks that must see it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s
from engine.domain.detector import Declaration, State
from operators.detectors.zscore import ZScore, ZScoreDetector, _driver
from operators.kernels.record_bank import NativeBank


class Reversed(NativeBank):
    """Its score is lower where an event is more anomalous."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        return -super().score(slots, values, learn)


class LearnsFirst(NativeBank):
    """It learns an event before it scores it."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = np.empty(len(slots))
        for i in range(len(slots)):
            one = slice(i, i + 1)
            scores[i] = super().score(slots[one], values[one], learn[one])[0]
            after = super().score(slots[one], values[one], np.zeros(1, bool))[0]
            scores[i] = after if not np.isnan(scores[i]) else np.nan
        return scores


class LooksAhead(NativeBank):
    """A score also follows from the next event."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = super().score(slots, values, learn)
        rises = np.append(values[1:, 0] > values[:-1, 0], False)
        return scores + rises * 1e-3


class Shares(NativeBank):
    """Two entities in three share the spread of the first."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = np.empty(len(slots))
        for i in range(len(slots)):
            one = slice(i, i + 1)
            slot = slots[i]
            if slot % 3:
                self.records["spread"][slot] = self.records["spread"][0]
            scores[i] = super().score(slots[one], values[one], learn[one])[0]
            if slot % 3:
                self.records["spread"][0] = self.records["spread"][slot]
        return scores


class AlwaysLearns(NativeBank):
    """It learns what it shall not."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        return super().score(slots, values, np.ones_like(learn))


class LosesAField(NativeBank):
    """Its dump lacks the spread."""

    def dump(self, slots: Int32s) -> State:
        records = np.array(super().dump(slots)["state"])
        records["spread"] = 0
        return {"state": records}


class RoundsByBatch(NativeBank):
    """What it scores in one call is rounded relative to the greatest."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = super().score(slots, values, learn)
        step = 1e-12 * np.nanmax(scores, initial=0)
        return np.round(scores / step) * step if 0 < step < 1e9 else scores


class NeverForgets(NativeBank):
    """A slot that is reset keeps what it learned."""

    def reset(self, slots: Int32s) -> None:
        pass


class ForgetsAll(NativeBank):
    """A reset of one slot resets all."""

    def reset(self, slots: Int32s) -> None:
        super().reset(np.arange(len(self.records), dtype=np.int32))


class Scaled(NativeBank):
    """Its scores are multiplied."""

    factor = 1.0

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        return super().score(slots, values, learn) * self.factor


class Hoards(NativeBank):
    """It keeps every event."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._kept: list[float] = []

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        self._kept += values[:, 0].tolist()
        return super().score(slots, values, learn)


class Overflows(NativeBank):
    """Its greatest scores are infinite."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = super().score(slots, values, learn)
        return np.where(scores > 1e5, np.inf, scores)


class Constants(NativeBank):
    """It has no score for what never changed."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = super().score(slots, values, learn)
        return np.where(scores == 0, np.nan, scores)


class KnowsUnits(NativeBank):
    """Its scores follow the values as they are."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        size = np.sqrt(np.abs(np.nan_to_num(values[:, 0])))
        return super().score(slots, values, learn) + size


class Stumbles(NativeBank):
    """It cannot be asked about a number as great as 1e300."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        if (np.abs(values) > 1e300).any():
            raise OverflowError("too great")
        return super().score(slots, values, learn)


class Detector(ZScoreDetector):
    """A zscore with a bank of another kind."""

    def __init__(self, kind: type[NativeBank], sound: ZScoreDetector) -> None:
        self.__dict__.update(sound.__dict__)
        self._kind = kind

    def bank(self, capacity: int) -> NativeBank:
        return self._kind(capacity, self._dtype, _driver, self._params)


class Family:
    """The detector `zscore` as it would be with a fault."""

    def __init__(
        self,
        kind: type[NativeBank] = NativeBank,
        exceptions: Mapping[str, str] | None = None,
        **attributes: object,
    ) -> None:
        self.kind = kind
        self.exceptions = exceptions or {}
        self.attributes = attributes
        self.given: dict[str, object] = {}

    def declarations(self) -> Sequence[Declaration]:
        (sound,) = ZScore().declarations()
        return (replace(sound, exceptions=self.exceptions),)

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> Detector:
        sound = ZScore().create(name, {**self.given, **parameters}, value_names)
        detector = Detector(self.kind, sound)
        detector.__dict__.update(self.attributes)
        return detector


class NoWarmUp(Family):
    """It scores from the third event on, and says from the 31st."""

    def __init__(self) -> None:
        super().__init__(warm_up=30)
        self.given = {"warm_up": 2}


class Draws(Family):
    """Each time it is built it draws something else."""

    built = itertools.count(1)

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> Detector:
        factor = 1 + 1e-9 * next(self.built)
        self.kind = type("Drawn", (Scaled,), {"factor": factor})
        return super().create(name, parameters, value_names)
