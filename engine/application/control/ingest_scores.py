"""Stores scores, downsampled on arrival."""

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
        work: the unit of work.
        documents: published documents.
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
