"""Access tokens of sessions: JWTs that last ten minutes, and the keys that sign them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from engine.application.control.log_in import NewSession
from engine.application.control.secret_box import SecretBox
from engine.application.control.signing import KEPT_NS, PREFIX, USED_NS
from engine.application.control_ports import Store, UnitOfWork
from engine.domain.control.secret import Secret

ALGORITHM = "Ed25519"
TYPE = "at+jwt"
NAME = "pynomaly"
"""Issuer and audience of the tokens."""
SECONDS = 600
NS = 10**9


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    key: OKPKey
    created: int


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says.

    Attributes:
        session: id of the session that it is of.
        until: when it expires, ns since 1970.
    """

    session: str
    until: int


class AccessTokens:
    """Issues and reads access tokens.

    Args:
        store: has the encrypted keys; all servers of a store share them.
        box: encrypts them.
    """

    def __init__(self, store: Store, box: SecretBox) -> None:
        self._store = store
        self._box = box
        self._keys: dict[str, _Key] = {}

    def issue(self, session: NewSession, now: int) -> str:
        """Return an access token of a session."""
        key = self._current(now)
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.id}
        seconds = now // NS
        claims = {
            "iss": NAME,
            "aud": NAME,
            "sub": session.user.name,
            "sid": session.session.id,
            "role": session.user.role,
            "iat": seconds,
            "exp": seconds + SECONDS,
        }
        return jwt.encode(header, claims, key.key, algorithms=[ALGORITHM])

    def read(self, token: str, now: int) -> Access | None:
        """Return what a token says; None if it is none, or has expired."""
        try:
            found = jwt.decode(token, self._by_id, algorithms=[ALGORITHM])
            jwt.JWTClaimsRegistry(
                now // NS,
                iss={"essential": True, "value": NAME},
                aud={"essential": True, "value": NAME},
                exp={"essential": True},
                sid={"essential": True},
            ).validate(found.claims)
        except (JoseError, ValueError, TypeError):
            return None
        if found.header.get("typ") != TYPE or now // NS >= found.claims["exp"]:
            return None
        return Access(str(found.claims["sid"]), int(found.claims["exp"]) * NS)

    def published(self, now: int) -> list[dict[str, Any]]:
        """Return the public keys, as JWKs."""
        with self._store.reading() as work:
            self._load(work)
        return [
            {
                **one.key.as_dict(private=False),
                "kid": one.id,
                "alg": ALGORITHM,
                "use": "sig",
            }
            for one in self._keys.values()
            if now < one.created + KEPT_NS
        ]

    def _current(self, now: int) -> _Key:
        """Return the current signing key, and make a new one when it is due."""
        if found := self._newest(now):
            return found
        with self._store.writing() as work:
            self._load(work)
            if found := self._newest(now):
                return found
            made = _Key(token_hex(8), OKPKey.generate_key("Ed25519"), now)
            text = json.dumps(made.key.as_dict(private=True)).encode()
            name = PREFIX + made.id
            work.secrets.put(Secret(name, self._box.seal(name, text), now))
        self._keys[made.id] = made
        return made

    def _newest(self, now: int) -> _Key | None:
        found = max(self._keys.values(), key=lambda one: one.created, default=None)
        return None if found is None or now >= found.created + USED_NS else found

    def _by_id(self, token: Any) -> OKPKey:
        key_id = token.headers().get("kid")
        if key_id not in self._keys:
            # Another server may have made it.
            with self._store.reading() as work:
                self._load(work)
        found = self._keys.get(key_id)
        if found is None:
            raise ValueError("the key is unknown")
        return found.key

    def _load(self, work: UnitOfWork) -> None:
        for secret in work.secrets.all(PREFIX):
            key_id = secret.name.removeprefix(PREFIX)
            if key_id not in self._keys:
                opened = json.loads(self._box.open(secret.name, secret.sealed))
                self._keys[key_id] = _Key(key_id, OKPKey.import_key(opened), secret.created)
