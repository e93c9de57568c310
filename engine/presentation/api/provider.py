"""The client of an identity provider: OpenID Connect, code flow with PKCE."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from engine.application.control.oidc_settings import OidcSettings

try:
    # As Authlib does: its clients raise the errors of the one that it has found.
    import httpx2 as http
except ImportError:
    import httpx as http  # type: ignore[no-redef]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519")
"""With a private key of the provider: never none, and never a key that we have too."""
TIMEOUT = 10.0
KEPT_SECONDS = 3_600.0
LEEWAY = 60
"""Tolerated difference of clocks in seconds."""
CALLBACK = "/api/v1/session/oidc/callback"


class ProviderAwayError(Exception):
    """The provider cannot be reached, or its reply is not valid."""


class ProviderRefusedError(Exception):
    """The provider, or the check of its tokens, refuses the login."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that has begun at the provider.

    Attributes:
        state: the state that the provider must send back.
        nonce: the nonce that the ID token must contain.
        verifier: the code verifier of PKCE.
    """

    state: str
    nonce: str
    verifier: str


class Provider:
    """An identity provider.

    Args:
        settings: its address and our client credentials.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._lock = Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read = 0.0

    def address(self, begun: Begun) -> str:
        """Return the URL at which the browser logs in.

        Raises:
            ProviderAwayError: the provider cannot be reached.
        """
        endpoint = self._described()["authorization_endpoint"]
        with self._client() as client:
            url, _ = client.create_authorization_url(
                endpoint, state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        return str(url)

    def claims(self, code: str, begun: Begun) -> dict[str, Any]:
        """Exchange a code for the verified claims about the user.

        Raises:
            ProviderAwayError: the provider cannot be reached.
            ProviderRefusedError: the code or the tokens are not valid.
        """
        metadata = self._described()
        try:
            with self._client() as client:
                tokens = client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=begun.verifier
                )
            found = self._verified(str(tokens.get("id_token", "")), begun.nonce)
            return found | self._more(str(tokens["access_token"]), metadata, found)
        except AuthlibBaseError as error:
            raise ProviderRefusedError(f"the provider refuses the login: {error.error}") from error
        except (http.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ProviderAwayError(f"the provider cannot be asked: {error}") from error

    def _client(self) -> OAuth2Client:
        settings = self.settings
        method = "none" if settings.client_secret is None else "client_secret_basic"
        return OAuth2Client(
            settings.client_id,
            settings.client_secret,
            token_endpoint_auth_method=method,
            scope=" ".join(settings.scopes),
            redirect_uri=settings.url + CALLBACK,
            code_challenge_method="S256",
            timeout=TIMEOUT,
        )

    def _more(
        self, token: str, metadata: Mapping[str, Any], found: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the user info, if the ID token lacks claims that are needed."""
        needed = {self.settings.name, self.settings.roles.claim}
        endpoint = metadata.get("userinfo_endpoint")
        if endpoint is None or needed <= found.keys():
            return {}
        claims = _document(endpoint, token)
        if claims.get("sub") != found["sub"]:
            raise ProviderRefusedError("the user information is of another user")
        return {name: claims[name] for name in needed & claims.keys()}

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        settings = self.settings
        try:
            try:
                found = jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
            except InvalidKeyIdError:
                # The provider has new keys.
                found = jwt.decode(token, self._key_set(reload=True), algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": self._described()["issuer"]},
                aud={"essential": True, "value": settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(found.claims)
        except JoseError as error:
            raise ProviderRefusedError(f"the ID token does not hold: {error}") from error
        if found.claims.get("azp", settings.client_id) != settings.client_id:
            raise ProviderRefusedError("the ID token is for another client")
        return dict(found.claims)

    def _key_set(self, *, reload: bool = False) -> KeySet:
        metadata = self._described()
        with self._lock:
            if self._keys is None or reload:
                self._keys = _key_set_of(_document(metadata["jwks_uri"]))
            return self._keys

    def _described(self) -> dict[str, Any]:
        """Return the provider's discovery document, cached for an hour."""
        issuer = self.settings.issuer
        with self._lock:
            if not self._metadata or time.monotonic() - self._read > KEPT_SECONDS:
                found = _document(f"{issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != issuer:
                    raise ProviderAwayError(f"{issuer} says that it is {found.get('issuer')}")
                self._metadata, self._keys, self._read = found, None, time.monotonic()
            return self._metadata


def _key_set_of(document: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set(cast("KeySetSerialization", document))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProviderAwayError(f"the provider's keys cannot be read: {error}") from error


def _document(url: str, token: str | None = None) -> dict[str, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        reply = http.get(url, timeout=TIMEOUT, headers=headers)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
    except (http.HTTPError, http.InvalidURL, ValueError) as error:
        raise ProviderAwayError(f"{url} cannot be read: {error}") from error
    return found
