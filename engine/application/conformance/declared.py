"""Check that a detector is what its declaration says."""

from __future__ import annotations

from engine.application.conformance.expect import expect
from engine.application.conformance.planted import PLANTED
from engine.application.conformance.subject import Subject
from engine.domain.kinds import KINDS, OUTLIER


def check_declaration(subject: Subject) -> None:
    """Name, kinds, form of the state and bytes of an entity are as declared."""
    declared, detector = subject.declaration, subject.detector
    kinds = [KINDS[OUTLIER], *PLANTED]
    known = bool(declared.kinds) and set(declared.kinds) <= set(kinds)
    expect(known, f"one or more kinds of {', '.join(kinds)}", str(declared.kinds))
    expect(detector.name == declared.name, f'the name "{declared.name}"', f'"{detector.name}"')
    expect(detector.snapshot == declared.snapshot, declared.snapshot, detector.snapshot)
    expect(detector.resolution > 0, "a resolution above 0", str(detector.resolution))
    size = declared.bytes_per_entity
    if size is not None and subject.width == 1 and not subject.parameters:
        expect(
            detector.bytes_per_entity == size,
            f"{size:,} bytes an entity as declared",
            f"{detector.bytes_per_entity:,}",
        )
