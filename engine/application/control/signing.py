"""The keys that sign access tokens: made when needed, replaced each month."""

from __future__ import annotations

from engine.domain.time_units import NS_PER_DAY

PREFIX = "signing/"
"""Of the names of their secrets; the rest is the key's id."""
USED_NS = 30 * NS_PER_DAY
"""For so long a key signs."""
KEPT_NS = USED_NS + NS_PER_DAY
"""For so long it is published: what it signed has long expired by then."""
