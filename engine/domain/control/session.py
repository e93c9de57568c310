"""Sessions: logins of people, kept alive by refresh tokens that are used once."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR

REFRESH_NS = 12 * NS_PER_HOUR
"""Time without a refresh after which a session ends."""
LONGEST_NS = 7 * NS_PER_DAY
"""Time after which a session ends, however often it is refreshed."""


@dataclass(frozen=True, slots=True)
class Session:
    """A login.

    Attributes:
        id: part of its access tokens.
        user: who logged in.
        address: from where.
        csrf: what a browser has to send with changes, beside its cookie.
        created, expires: ns since 1970.
        ended: when it was ended; None while it was not.
    """

    id: str
    user: str
    address: str
    csrf: str
    created: int
    expires: int
    ended: int | None = None

    def is_in_force(self, now: int) -> bool:
        """Return whether its tokens are accepted."""
        return self.ended is None and now < self.expires
