"""Roles: each may do what the one below it may."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a user or a token may do, from least to most."""

    NONE = "none"
    """Only what grants on single pipelines give."""
    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position from the least."""
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Return whether it may do all that another may."""
        return self.rank >= other.rank

    def at_most(self, other: Role) -> Role:
        """Return the lesser of two."""
        return self if other.includes(self) else other

    def at_least(self, other: Role) -> Role:
        """Return the greater of two."""
        return self if self.includes(other) else other


Grants = Mapping[str, Role]
"""Roles by pipeline, beside the one that holds everywhere."""
