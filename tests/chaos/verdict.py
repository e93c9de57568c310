"""The verdict: the disturbed output against the undisturbed one, record by record."""

from __future__ import annotations

from dataclasses import dataclass

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
