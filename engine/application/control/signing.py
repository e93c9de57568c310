"""Keys that sign access tokens: created when needed, replaced each month."""

from __future__ import annotations

from engine.domain.time_units import NS_PER_DAY

PREFIX = "signing/"
"""Prefix of the names of their secrets; the rest is the id of the key."""
USED_NS = 30 * NS_PER_DAY
"""Time for which a key signs."""
KEPT_NS = USED_NS + NS_PER_DAY
"""Time for which a key is published: all tokens it signed have expired by then."""
