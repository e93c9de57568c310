"""Logging in by an identity provider, which runs on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.application.config.settings_file import read_settings
from engine.application.control.memory_store import MemoryStore
from engine.application.control.oidc_settings import OidcSettings
from engine.application.telemetry.redaction import Redactor
from engine.domain.control.role import Role
from engine.domain.errors import PynomalyError
from engine.presentation.api.provider import CALLBACK, Provider
from engine.presentation.api.services import Services
from tests.support.oidc_provider import CLIENT, SECRET, OidcProvider
from tests.unit.presentation.api.conftest import NOW, Ask

BEGIN = "/api/v1/session/oidc"
ADA = {"sub": "1", "preferred_username": "Ada", "groups": ["operators", "others"]}


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def provider(running: OidcProvider) -> OidcProvider:
    running.user = dict(ADA)
    running.in_token = ("sub", "preferred_username", "groups")
    running.forged = dict
    return running


def settings(provider: OidcProvider, **more: Any) -> OidcSettings:
    return OidcSettings.model_validate(
        {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "url": "https://server",
            "roles": {"operator": ["operators"], "admin": ["admins"]},
            **more,
        }
    )


@pytest.fixture
def browser(
    app: FastAPI, client: TestClient, store: MemoryStore, provider: OidcProvider
) -> TestClient:
    before: Services = app.state.services
    app.state.services = Services(
        store,
        passwords=before.passwords,
        now=lambda: NOW,
        provider=Provider(settings(provider)),
    )
    return TestClient(app, base_url="https://server", follow_redirects=False)


def sent_back(browser: TestClient, path: str = "/") -> str:
    """Begin a login, and return what the provider sends the browser back to."""
    begun = browser.get(BEGIN, params={"next": path})
    assert begun.status_code == 302, begun.text
    back: str = httpx.get(begun.headers["Location"]).headers["Location"]
    return back


def log_in(browser: TestClient, path: str = "/") -> Any:
    return browser.get(sent_back(browser, path))


def test_a_user_of_the_provider_is_logged_in_with_the_role_of_its_groups(
    browser: TestClient, ask: Ask
) -> None:
    back = log_in(browser, "/incidents?status=open")

    me = browser.get("/api/v1/me")
    assert (back.status_code, back.headers["Location"]) == (303, "/incidents?status=open")
    assert me.json() == {"name": "ada", "role": "operator", "grants": {}}
    assert [one["action"] for one in ask("get", "/audit?limit=2").json()["items"]] == [
        "session.begin",
        "user.add",
    ]


def test_the_browser_is_sent_with_pkce_and_without_secrets(
    browser: TestClient, provider: OidcProvider
) -> None:
    asked = parse_qs(urlsplit(browser.get(BEGIN).headers["Location"]).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"https://server{CALLBACK}"]
    assert asked["scope"] == ["openid profile email"]
    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }


def test_a_changed_group_changes_the_role_at_the_next_login(
    browser: TestClient, provider: OidcProvider
) -> None:
    log_in(browser)
    provider.user["groups"] = ["admins"]
    provider.user["preferred_username"] = "ada.lovelace"

    log_in(browser)

    assert browser.get("/api/v1/me").json() == {"name": "ada", "role": "admin", "grants": {}}


def test_groups_give_and_take_grants_on_single_pipelines(
    app: FastAPI, browser: TestClient, provider: OidcProvider
) -> None:
    given = {"quick": {"operator": ["quick"], "editor": ["owners"]}, "other": {"editor": ["none"]}}
    more = {"roles": {"viewer": ["*"]}, "grants": given}
    object.__setattr__(app.state.services, "provider", Provider(settings(provider, **more)))
    provider.user["groups"] = ["quick", "owners"]

    log_in(browser)
    first = browser.get("/api/v1/me").json()
    provider.user["groups"] = []
    log_in(browser)

    assert first == {"name": "ada", "role": "viewer", "grants": {"quick": "editor"}}
    assert browser.get("/api/v1/me").json()["grants"] == {}


def test_a_group_that_gives_a_grant_alone_lets_its_users_in(
    app: FastAPI, browser: TestClient, provider: OidcProvider
) -> None:
    more = {"roles": {"admin": ["admins"]}, "grants": {"quick": {"viewer": ["guests"]}}}
    object.__setattr__(app.state.services, "provider", Provider(settings(provider, **more)))
    provider.user["groups"] = ["guests"]

    log_in(browser)

    found = browser.get("/api/v1/me").json()
    assert found == {"name": "ada", "role": "none", "grants": {"quick": "viewer"}}


def test_grants_that_were_set_here_stay_where_the_provider_does_not_say(
    browser: TestClient, provider: OidcProvider, store: MemoryStore
) -> None:
    log_in(browser)
    with store.writing() as work:
        user = work.users.get("ada")
        assert user is not None
        work.users.save(replace(user, grants={"quick": Role.EDITOR}))

    log_in(browser)

    assert browser.get("/api/v1/me").json()["grants"] == {"quick": "editor"}


def test_claims_that_are_not_in_the_token_come_from_the_user_information(
    browser: TestClient, provider: OidcProvider
) -> None:
    provider.in_token = ("sub",)

    log_in(browser)

    assert browser.get("/api/v1/me").json() == {"name": "ada", "role": "operator", "grants": {}}


def test_new_keys_of_the_provider_are_read(browser: TestClient, provider: OidcProvider) -> None:
    log_in(browser)
    provider.new_key()

    assert log_in(browser).status_code == 303


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"sub": "2", "preferred_username": "eve", "groups": ["others"]}, "no role here"),
        ({"sub": "2", "preferred_username": "the-admin", "groups": ["admins"]}, "already"),
        ({"sub": "2", "preferred_username": "' OR 1", "groups": ["admins"]}, "cannot be the name"),
        ({"sub": "2", "preferred_username": 7, "groups": ["admins"]}, "preferred_username"),
    ],
)
def test_users_who_may_not_log_in_here_are_refused(
    browser: TestClient, provider: OidcProvider, user: dict[str, Any], message: str
) -> None:
    provider.user = user

    found = log_in(browser)

    assert found.status_code == 403
    assert message in found.json()["detail"]
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "forged",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": 1},
        {"nonce": "another"},
        {"sub": None},
    ],
)
def test_tokens_that_do_not_hold_are_refused(
    browser: TestClient, provider: OidcProvider, forged: dict[str, Any]
) -> None:
    provider.forged = lambda claims: {**claims, **forged}

    found = log_in(browser)

    assert found.status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


def test_a_token_signed_by_another_key_is_refused(
    browser: TestClient, provider: OidcProvider
) -> None:
    log_in(browser)
    kid = provider.key.kid or ""
    back = sent_back(browser)
    browser.cookies.delete("__Host-pynomaly")
    good = provider.key
    provider.new_key()
    provider.key = type(good).import_key({**provider.key.as_dict(private=True), "kid": kid})

    found = browser.get(back)

    assert found.status_code == 401
    assert "does not hold" in found.json()["detail"]


def test_a_login_that_another_browser_began_is_refused(browser: TestClient, app: FastAPI) -> None:
    other = TestClient(app, base_url="https://server", follow_redirects=False)
    theirs, ours = sent_back(other), sent_back(browser)
    state = parse_qs(urlsplit(theirs).query)["state"][0]
    code = parse_qs(urlsplit(ours).query)["code"][0]

    mixed = browser.get(CALLBACK, params={"code": code, "state": state})
    theirs_here = browser.get(theirs)
    without = TestClient(app, base_url="https://server").get(ours)

    assert [one.status_code for one in (mixed, theirs_here, without)] == [401, 401, 401]


def test_a_code_of_another_login_is_refused_by_pkce(browser: TestClient) -> None:
    stolen = parse_qs(urlsplit(sent_back(browser)).query)["code"][0]
    state = parse_qs(urlsplit(sent_back(browser)).query)["state"][0]

    found = browser.get(CALLBACK, params={"code": stolen, "state": state})

    assert found.status_code == 401
    assert "invalid_grant" in found.json()["detail"]


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil", "/a\r\nb"])
def test_a_login_leads_to_no_other_site(browser: TestClient, path: str) -> None:
    assert log_in(browser, path).headers["Location"] == "/"


def test_a_provider_that_is_away_is_said_with_when_to_try_again(
    browser: TestClient, app: FastAPI, store: MemoryStore, provider: OidcProvider
) -> None:
    away = settings(provider, issuer="http://127.0.0.1:9")
    app.state.services = Services(store, now=lambda: NOW, provider=Provider(away))

    found = browser.get(BEGIN)

    assert (found.status_code, found.headers["Retry-After"]) == (503, "5")


def test_without_a_provider_there_is_nothing_to_log_in_by(client: TestClient) -> None:
    assert client.get(BEGIN).status_code == 404
    assert client.get(CALLBACK).status_code == 404


def test_the_settings_are_read_and_their_secret_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_CLIENT", "do not tell")
    file = tmp_path / "oidc.yaml"
    file.write_text(
        "issuer: https://id.example/realms/plant/\nclient_id: pynomaly\n"
        "client_secret: ${SECRET_OF_CLIENT}\nurl: https://pynomaly.example\n"
        'roles: {viewer: ["*"]}\n'
    )
    redactor = Redactor()

    found = read_settings(file, OidcSettings, redactor)

    assert (found.issuer, found.client_secret) == (
        "https://id.example/realms/plant",
        "do not tell",
    )
    assert "do not tell" not in redactor.redact("I do not tell it")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("issuer: http://id.example", "oidc.yaml:1: issuer:"),
        ("issuer: https://id.example/?a=b", "expected a URL"),
        ("issuer: https://id.example\nroles: {chief: [x]}", "oidc.yaml:2: roles.chief:"),
        ("issuer: [", "oidc.yaml:"),
    ],
)
def test_settings_that_do_not_fit_are_told_with_their_line(
    tmp_path: Path, line: str, message: str
) -> None:
    file = tmp_path / "oidc.yaml"
    file.write_text(f"{line}\n")

    with pytest.raises(PynomalyError) as found:
        read_settings(file, OidcSettings, Redactor())

    assert message in str(found.value)
