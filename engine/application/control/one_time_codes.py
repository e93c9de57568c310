"""One-time codes (TOTP, RFC 6238) as a second proof beside the password."""

from __future__ import annotations

import json
from dataclasses import dataclass
from secrets import compare_digest

import pyotp

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control.secret_box import SecretBox
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError, InvalidRequestError, NotFoundError
from engine.domain.control.secret import Secret

PREFIX = "totp/"
"""Of the names of the secrets; the rest is the user's."""
ISSUER = "Pynomaly"
STEP_NS = 30 * 10**9
OFF = 1
"""Steps that the clock of a phone may differ."""


@dataclass(frozen=True, slots=True)
class _Stored:
    secret: str
    confirmed: bool
    used: int
    """The last step whose code was accepted: no code is accepted twice."""


@dataclass(frozen=True, slots=True)
class NewCodes:
    """What an authenticator has to know; it is shown once.

    Attributes:
        secret: in Base32.
        uri: the same as otpauth://, for a QR code.
    """

    secret: str
    uri: str


class OneTimeCodes:
    """Sets up, checks and removes the codes of users.

    Args:
        box: encrypts what makes them.
    """

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def begin(self, work: UnitOfWork, caller: Caller, now: int) -> NewCodes:
        """Return a new secret of the caller's; codes are asked for once one was confirmed.

        Raises:
            ConflictError: they have codes, no password, or show a token instead of a login.
        """
        self._require_login(work, caller)
        found = self._get(work, caller.name)
        if found is not None and found.confirmed:
            raise ConflictError("you have one-time codes already: remove them first")
        secret = pyotp.random_base32()
        self._put(work, caller.name, _Stored(secret, False, 0), now)
        uri = pyotp.TOTP(secret).provisioning_uri(name=caller.name, issuer_name=ISSUER)
        return NewCodes(secret, uri)

    def confirm(self, work: UnitOfWork, caller: Caller, code: str, now: int) -> None:
        """Require codes from now on, after the caller has given a valid one.

        Raises:
            ConflictError: there is nothing to confirm, or the caller uses a token.
            InvalidRequestError: the code is not valid.
        """
        self._require_login(work, caller)
        found = self._get(work, caller.name)
        if found is None or found.confirmed:
            raise ConflictError("there is nothing to confirm: begin with POST /me/totp")
        used = _step_of(found, code, now)
        if used is None:
            raise InvalidRequestError("body/code", "the code is wrong: is the clock right?")
        self._put(work, caller.name, _Stored(found.secret, True, used), now)
        record(work, caller, now, "totp.begin", caller.name)

    def remove(self, work: UnitOfWork, caller: Caller, user: str, now: int) -> None:
        """Stop asking a user for codes; for administrators, after the loss of a phone.

        Raises:
            ForbiddenError: the caller lacks permission.
            NotFoundError: the user has none.
        """
        require(caller, Action.MANAGE_USERS)
        if self._get(work, user) is None:
            raise NotFoundError(f"{user} has no one-time codes")
        work.secrets.remove(PREFIX + user)
        record(work, caller, now, "totp.remove", user)

    def are_needed(self, work: UnitOfWork, user: str) -> bool:
        """Return whether a user must give a code besides the password."""
        found = self._get(work, user)
        return found is not None and found.confirmed

    def accept(self, work: UnitOfWork, user: str, code: str, now: int) -> bool:
        """Return whether a code is valid; each is accepted once."""
        found = self._get(work, user)
        used = None if found is None else _step_of(found, code, now)
        if found is None or used is None:
            return False
        self._put(work, user, _Stored(found.secret, True, used), now)
        return True

    def _require_login(self, work: UnitOfWork, caller: Caller) -> None:
        user = work.users.get(caller.name)
        if not caller.session or user is None or user.password is None:
            raise ConflictError("one-time codes are for logins: log in with your password first")

    def _get(self, work: UnitOfWork, user: str) -> _Stored | None:
        found = work.secrets.get(PREFIX + user)
        if found is None:
            return None
        return _Stored(**json.loads(self._box.open(found.name, found.sealed)))

    def _put(self, work: UnitOfWork, user: str, stored: _Stored, now: int) -> None:
        name = PREFIX + user
        fields = {"secret": stored.secret, "confirmed": stored.confirmed, "used": stored.used}
        work.secrets.put(Secret(name, self._box.seal(name, json.dumps(fields).encode()), now))


def _step_of(stored: _Stored, code: str, now: int) -> int | None:
    """Return the time step of a valid, unused code; None otherwise."""
    codes = pyotp.TOTP(stored.secret)
    for step in range(now // STEP_NS - OFF, now // STEP_NS + OFF + 1):
        right = compare_digest(codes.generate_otp(step).encode(), code.encode())
        if right and step > stored.used:
            return step
    return None
