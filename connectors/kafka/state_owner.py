"""Whose state a state topic holds: two pipelines in one topic would overwrite each other."""

from __future__ import annotations

import re

from connectors.kafka.manifest import Manifest
from connectors.kafka.shared_transaction import id_prefix
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext

_OWN_PART = re.compile(r"(?:[0-9a-f]{8}-)?\d+(?:-[a-z_.]+)?")
"""Of a transactional id, behind the name of the pipeline: instance, process, role."""


def require_own(found: Manifest, context: RunContext, topic: str) -> None:
    """Require that a checkpoint was stored by this pipeline.

    Args:
        found: the checkpoint.
        context: of this process.
        topic: the state topic.

    Raises:
        ConnectorError: it was stored by a pipeline of another name.
    """
    prefix = id_prefix(context)
    if found.writer.startswith(prefix) and _OWN_PART.fullmatch(found.writer[len(prefix) :]):
        return
    raise ConnectorError(
        f'the state topic "{topic}" holds state of pipeline "{_name(found)}", not of '
        f'"{context.pipeline}": give this pipeline a topic of its own. If it was renamed, take '
        "its state along: `pynomaly state export` with the old name, `pynomaly state import` with "
        "the new name and topic"
    )


def _name(found: Manifest) -> str:
    return str(found.identity.get("name", found.writer))
