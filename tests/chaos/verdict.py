"""The verdict: the disturbed output against the undisturbed one, record by record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.chaos.reader import Found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What differs in one topic.

    Attributes:
        records: distinct ids of the undisturbed run.
        lost: of these, how many the disturbed run lacks.
        strange: ids that only the disturbed run has.
        repeated: records beyond the first of their id.
        different: ids whose records differ in a byte, within a run or between the two.
    """

    records: int
    lost: int
    strange: int
    repeated: int
    different: int

    def is_right(self, *, once: bool) -> bool:
        """Whether nothing is lost, strange or different, and, where asked, nothing repeated."""
        wrong = self.lost + self.strange + self.different
        return self.records > 0 and not wrong and not (once and self.repeated)


def compare(disturbed: Found, undisturbed: Found) -> Verdict:
    """Return how two outputs of one topic differ."""
    shared = disturbed.keys() & undisturbed.keys()
    return Verdict(
        records=len(undisturbed),
        lost=len(undisturbed.keys() - shared),
        strange=len(disturbed.keys() - shared),
        repeated=sum(len(found) - 1 for found in disturbed.values()),
        different=sum(len({*disturbed[id_], *undisturbed[id_]}) > 1 for id_ in shared),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of all disturbances of a run.

    Attributes:
        chosen: the arguments of the harness.
        disturbances: how often each was done.
        recovered: seconds that each recovery took, by disturbance.
        messages: that were sent.
        verdicts: of each output.
        files: of outputs in files, in which a record may be repeated with its id.
        offsets_true: whether the group's offsets are those of the input's end.
    """

    chosen: argparse.Namespace
    disturbances: Mapping[str, int]
    recovered: Mapping[str, Sequence[float]]
    messages: int
    verdicts: Mapping[str, Verdict]
    files: Mapping[str, Verdict]
    offsets_true: bool

    def is_right(self) -> bool:
        """Whether nothing was lost or changed, nor, where asked, repeated."""
        once = self.chosen.delivery == "exactly_once"
        right = [verdict.is_right(once=once) for verdict in self.verdicts.values()]
        right += [verdict.is_right(once=False) for verdict in self.files.values()]
        return all(right) and self._accounted() and self.offsets_true

    def print(self, **more: object) -> None:
        """Print it as JSON.

        Args:
            more: further fields.
        """
        times = [seconds for each in self.recovered.values() for seconds in each]
        report = {
            "seed": self.chosen.seed,
            "delivery": self.chosen.delivery,
            **more,
            "disturbances": dict(self.disturbances),
            "messages": self.messages,
            "all_accounted_for": self._accounted(),
            "group_offsets_true": self.offsets_true,
            "recovered_s": {"all": _spread(times)}
            | {name: _spread(each) for name, each in sorted(self.recovered.items())},
            **{name: repr(verdict) for name, verdict in {**self.verdicts, **self.files}.items()},
        }
        print(json.dumps(report, indent=2), flush=True)

    def _accounted(self) -> bool:
        found = self.verdicts["scores"].records + self.verdicts["dead_letters"].records
        return found == self.messages


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return how long recoveries took: quantiles, and the longest."""
    found = np.percentile(seconds, [50, 99, 100]).round(1) if seconds else np.empty(0)
    return {"n": len(seconds), **dict(zip(("p50", "p99", "max"), found, strict=False))}
