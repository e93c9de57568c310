"""Creates, lists and revokes tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from secrets import token_hex, token_urlsafe

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, may, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import InvalidRequestError, NotFoundError
from engine.domain.control.role import Role
from engine.domain.control.token import Token, TokenKind, digest_of, written
from engine.domain.time_units import NS_PER_DAY

MOST_DAYS = 366
USUAL_DAYS = 90


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token.

    Attributes:
        token: the stored token.
        secret: the secret, shown once.
    """

    token: Token
    secret: str


def make_token(
    work: UnitOfWork, caller: Caller, now: int, name: str, role: Role | None, days: int | None
) -> NewToken:
    """Create a token of the caller; one created with a token expires with that token.

    Args:
        work: the unit of work.
        caller: the owner.
        now: ns since 1970.
        name: the purpose of the token.
        role: the highest role it allows; by default the highest of the caller.
        days: the days until it expires; by default 90, or those left of the caller's token.

    Raises:
        RequestError: the caller lacks permission, or has a lower role or less time.
    """
    require(caller, Action.OWN_TOKENS)
    if role is not None and not caller.highest.includes(role):
        raise InvalidRequestError("role", f"expected at most your own: {caller.highest}")
    expires = _end(caller, now, days)
    made = new_token(caller.name, name, TokenKind.API, role or caller.highest, now, expires)
    work.tokens.add(made.token)
    record(work, caller, now, "token.make", made.token.id, None, _shown(made.token))
    return made


def _end(caller: Caller, now: int, days: int | None) -> int:
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidRequestError("days", f"expected 1 to {MOST_DAYS}")
    expires = now + (days or USUAL_DAYS) * NS_PER_DAY
    if caller.expires is None or expires <= caller.expires:
        return expires
    if days is None:
        return caller.expires
    left = (caller.expires - now) // NS_PER_DAY
    raise InvalidRequestError(
        "days",
        f"the token that you show expires in {left} days, and cannot make one that lasts longer: "
        "leave days out, or log in with your password",
    )


def find_tokens(work: UnitOfWork, caller: Caller, user: str | None) -> list[Token]:
    """Return the API tokens of a user, by default of the caller; the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    wanted = user or caller.name
    require(caller, Action.OWN_TOKENS if wanted == caller.name else Action.MANAGE_USERS)
    return [one for one in work.tokens.of(wanted) if one.kind is TokenKind.API]


def revoke_token(work: UnitOfWork, caller: Caller, now: int, token_id: str) -> None:
    """Revoke a token.

    Raises:
        NotFoundError: the id is unknown, or another user's and the caller may not see it.
    """
    require(caller, Action.OWN_TOKENS)
    found = work.tokens.get(token_id)
    theirs = found is not None and (found.user == caller.name or may(caller, Action.MANAGE_USERS))
    if found is None or not theirs or found.kind is not TokenKind.API:
        raise NotFoundError(f'you have no token "{token_id}"')
    if found.revoked is None:
        work.tokens.save(replace(found, revoked=now))
        record(work, caller, now, "token.revoke", found.id, _shown(found), None)


def new_token(
    user: str, name: str, kind: TokenKind, role: Role, now: int, expires: int
) -> NewToken:
    """Return a token with a secret of 256 random bits, not stored yet."""
    token_id, secret = token_hex(8), token_urlsafe(32)
    token = Token(token_id, user, name, kind, digest_of(secret), role, now, expires)
    return NewToken(token, written(token_id, secret))


def _shown(token: Token) -> dict[str, object]:
    return {
        "user": token.user,
        "name": token.name,
        "kind": token.kind,
        "role": token.role,
        "expires": token.expires,
    }
