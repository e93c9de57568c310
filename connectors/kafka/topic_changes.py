"""Changes of the source topic (deleted, recreated, shrunk), in the same words for each check."""

from __future__ import annotations

from engine.domain.errors import ConnectorError, OffsetLostError


def deleted(topic: str) -> ConnectorError:
    """Return the error of a topic, or a partition of it, that was there and is not any more."""
    return ConnectorError(
        f'topic "{topic}" was deleted, or is hidden from us by changed access rights. Create it '
        "again or restore the rights, or correct the pipeline file; then start again"
    )


def recreated(topic: str, when: str, sign: str) -> OffsetLostError:
    """Return the error of a topic of the same name that is another one.

    Args:
        topic: its name.
        when: it happened.
        sign: by which it was noticed.
    """
    return OffsetLostError(
        f"{recreated_text(topic, when, sign)}. Set `on_missing_offset: earliest` to read it from "
        "its beginning and keep what was learned, or start with other state (`pynomaly state "
        "reset`)"
    )


def recreated_text(topic: str, when: str, sign: str) -> str:
    """Return what happened to a topic of the same name that is another one."""
    return (
        f'topic "{topic}" was deleted and recreated {when}: {sign}, and the positions that we know '
        "mean nothing in it"
    )
