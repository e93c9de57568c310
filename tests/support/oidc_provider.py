"""A small identity provider on loopback: OpenID Connect, code flow, PKCE required."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for

CLIENT, SECRET = "pynomaly", "a secret of the client"


@dataclass
class OidcProvider:
    """A provider where everybody is logged in already.

    Attributes:
        user: claims of who that is.
        in_token: claims that the ID token has; the others are user information.
        forged: changes the claims of an ID token before it is signed.
        codes: given out, with the request that each is for.
    """

    user: dict[str, Any] = field(default_factory=lambda: {"sub": "1", "preferred_username": "ada"})
    in_token: tuple[str, ...] = ("sub", "preferred_username", "groups")
    forged: Callable[[dict[str, Any]], dict[str, Any]] = dict
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose where it is."""
        self.port = free_port()
        self.issuer = f"http://{HOST}:{self.port}"
        self.new_key()
        config = uvicorn.Config(_app(self), HOST, self.port, log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run)

    def new_key(self) -> None:
        """Replace the key that signs."""
        self.key = RSAKey.generate_key(2048, {"kid": token_hex(4), "use": "sig", "alg": "RS256"})

    def __enter__(self) -> OidcProvider:
        self._thread.start()
        wait_for(lambda: self._server.started, "the identity provider")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def id_token(self, request: dict[str, str]) -> str:
        """Return the claims of the user, as a client gets them."""
        now = int(time.time())
        user_claims = {name: self.user[name] for name in self.in_token if name in self.user}
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **user_claims}
        claims["nonce"] = request["nonce"]
        header = {"alg": "RS256", "kid": self.key.kid}
        return jwt.encode(header, self.forged(claims), self.key, ["RS256"])


def _app(provider: OidcProvider) -> FastAPI:
    app = FastAPI()
    _describe(app, provider)
    _serve(app, provider)
    return app


def _describe(app: FastAPI, provider: OidcProvider) -> None:
    @app.get("/.well-known/openid-configuration")
    def described() -> dict[str, Any]:
        at = provider.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/userinfo",
            "jwks_uri": f"{at}/jwks",
        }

    @app.get("/jwks")
    def keys() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}


def _serve(app: FastAPI, provider: OidcProvider) -> None:
    @app.get("/authorize")
    def authorize(request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        fits = asked["client_id"] == CLIENT and asked["response_type"] == "code"
        if not fits or asked.get("code_challenge_method") != "S256":
            raise HTTPException(400, "invalid_request")
        code = token_hex(16)
        provider.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        form = dict(parse_qsl((await request.body()).decode()))
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = provider.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge"] != challenge
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        body = {"access_token": "of the user", "token_type": "Bearer", "expires_in": 60}
        return JSONResponse(body | {"id_token": provider.id_token(asked)})

    @app.get("/userinfo")
    def user(request: Request) -> dict[str, Any]:
        if request.headers.get("Authorization") != "Bearer of the user":
            raise HTTPException(401)
        return provider.user
