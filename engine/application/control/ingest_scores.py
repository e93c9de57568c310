"""Store scores, downsampled as they come."""

from __future__ import annotations

from collections.abc import Sequence

from engine.application.control.ingest import Ingested
from engine.application.control_ports import UnitOfWork
from engine.domain.control.published import Document, UnreadableRecordError
from engine.domain.control.series import COARSE, Bucket, buckets_of
from engine.domain.control.spans import joined, widened


def ingest_scores(work: UnitOfWork, documents: Sequence[Document]) -> Ingested:
    """Add the records of the sink `scores` to the buckets of their entities.

    Args:
        work: to store them in.
        documents: as they were published.
    """
    found: list[Bucket] = []
    unreadable = []
    for document in documents:
        try:
            found += buckets_of(document)
        except UnreadableRecordError as error:
            unreadable.append(str(error))
    fine = joined(found)
    work.series.add(fine)
    work.series.add(widened(fine, COARSE))
    return Ingested(0, 0, unreadable)
