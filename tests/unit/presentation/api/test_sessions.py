"""Sessions over the API: access tokens, refresh tokens that are used once, cookies."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from engine.application.control.memory_store import MemoryStore
from engine.application.control.signing import KEPT_NS, USED_NS
from engine.domain.control.role import Role
from engine.domain.control.session import LONGEST_NS, REFRESH_NS
from engine.presentation.api.access_tokens import SECONDS
from engine.presentation.api.services import Services
from tests.unit.presentation.api.conftest import NOW, PASSWORD, Ask

PATH = "/api/v1/session"
SECOND = 10**9


class Clock:
    """The time of the server, moved by the test."""

    def __init__(self, app: FastAPI, store: MemoryStore) -> None:
        self.now = NOW
        before: Services = app.state.services
        app.state.services = Services(
            store, passwords=before.passwords, box=before.box, now=lambda: self.now
        )


@pytest.fixture
def clock(client: TestClient, app: FastAPI, store: MemoryStore) -> Clock:
    return Clock(app, store)


def log_in(client: TestClient, role: Role = Role.EDITOR, **more: Any) -> dict[str, Any]:
    found = client.post(PATH, json={"name": f"the-{role}", "password": PASSWORD, **more})
    assert found.status_code == 201
    body: dict[str, Any] = found.json()
    return body


def me(client: TestClient, token: str) -> Any:
    return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


def refreshed(client: TestClient, token: str) -> Any:
    return client.post(f"{PATH}/refresh", json={"refresh_token": token})


def test_an_access_token_lasts_ten_minutes(client: TestClient, clock: Clock) -> None:
    made = log_in(client)

    clock.now += (SECONDS - 1) * SECOND
    before = me(client, made["access_token"])
    clock.now += SECOND
    after = me(client, made["access_token"])

    assert (before.status_code, before.json()["role"]) == (200, "editor")
    assert (made["expires_in"], after.status_code) == (SECONDS, 401)


def test_other_services_verify_an_access_token_by_the_published_keys(
    client: TestClient, clock: Clock
) -> None:
    made = log_in(client)

    keys = client.get("/api/v1/jwks.json")
    found = jwt.decode(made["access_token"], KeySet.import_key_set(keys.json()), ["Ed25519"])

    assert keys.headers["Cache-Control"] == "public, max-age=300"
    assert "d" not in keys.json()["keys"][0]
    assert (found.claims["sub"], found.claims["sid"]) == ("the-editor", made["id"])


def test_a_refresh_token_gives_the_next_tokens(client: TestClient, clock: Clock) -> None:
    first = log_in(client)
    clock.now += 2 * SECONDS * SECOND

    second = refreshed(client, first["refresh_token"]).json()

    assert me(client, first["access_token"]).status_code == 401
    assert me(client, second["access_token"]).status_code == 200
    assert second["id"] == first["id"]
    assert second["refresh_token"] != first["refresh_token"]


def test_a_refresh_token_that_is_used_twice_ends_the_session(client: TestClient, ask: Ask) -> None:
    first = log_in(client)
    second = refreshed(client, first["refresh_token"]).json()

    again = refreshed(client, first["refresh_token"])
    then = refreshed(client, second["refresh_token"])

    assert (again.status_code, then.status_code) == (401, 401)
    assert me(client, second["access_token"]).status_code == 401
    assert "session.reuse" in [one["action"] for one in ask("get", "/audit").json()["items"]]


def test_a_session_ends_if_it_is_not_refreshed_and_after_a_week(
    client: TestClient, clock: Clock
) -> None:
    idle, kept = log_in(client), log_in(client)
    until = NOW + LONGEST_NS
    while clock.now + REFRESH_NS - 1 < until:
        clock.now += REFRESH_NS - 1
        kept = refreshed(client, kept["refresh_token"]).json()

    clock.now = until
    found = refreshed(client, kept["refresh_token"]), refreshed(client, idle["refresh_token"])

    assert [one.status_code for one in found] == [401, 401]
    assert me(client, kept["access_token"]).status_code == 401


@pytest.mark.parametrize("shown", ["", "pyn_", f"pyn_{'0' * 16}_{'s' * 43}", "é", "a.b.c"])
def test_what_is_no_refresh_token_is_refused(client: TestClient, shown: str) -> None:
    assert refreshed(client, shown).status_code == 401


def test_tokens_are_accepted_only_for_what_they_are(client: TestClient, ask: Ask) -> None:
    made = log_in(client)
    token = ask("post", "/tokens", json={"name": "ci"}).json()["token"]

    found = [
        me(client, made["refresh_token"]),
        refreshed(client, made["access_token"]),
        refreshed(client, token),
    ]

    assert [one.status_code for one in found] == [401, 401, 401]


def test_a_token_that_was_signed_otherwise_is_refused(client: TestClient, clock: Clock) -> None:
    good = jwt.decode(
        log_in(client)["access_token"],
        KeySet.import_key_set(client.get("/api/v1/jwks.json").json()),
        ["Ed25519"],
    )
    own = OKPKey.generate_key("Ed25519")
    forged = [
        jwt.encode({**good.header, "kid": kid}, good.claims, own, ["Ed25519"])
        for kid in (good.header["kid"], "other")
    ]
    unsigned = forged[0].rsplit(".", 1)[0] + "."

    found = [me(client, token).status_code for token in (*forged, unsigned, "x.y.z", "..")]

    assert found == [401] * 5


def test_the_key_is_replaced_each_month_and_the_old_one_still_verifies(
    client: TestClient, clock: Clock, app: FastAPI, store: MemoryStore
) -> None:
    log_in(client)
    clock.now += USED_NS - 1
    old = log_in(client)["access_token"]
    clock.now += 1
    new = log_in(client)["access_token"]

    verified = me(client, old).status_code, me(client, new).status_code
    published = len(client.get("/api/v1/jwks.json").json()["keys"])
    clock.now = NOW + KEPT_NS
    later = len(client.get("/api/v1/jwks.json").json()["keys"])
    app.state.services = Services(store, box=app.state.services.box, now=lambda: NOW + USED_NS)
    elsewhere = me(client, new).status_code

    assert (verified, published, later, elsewhere) == ((200, 200), 2, 1, 200)


def test_a_disabled_user_is_logged_out_at_once(client: TestClient, ask: Ask) -> None:
    made = log_in(client)

    ask("patch", "/users/the-editor", headers={"If-Match": "*"}, json={"disabled": True})

    assert me(client, made["access_token"]).status_code == 401
    assert refreshed(client, made["refresh_token"]).status_code == 401


def test_a_session_is_listed_and_ended_by_its_user_and_by_admins_alone(
    client: TestClient, ask: Ask
) -> None:
    made = log_in(client)
    path = f"/sessions/{made['id']}"

    theirs = ask("delete", path, Role.OPERATOR)
    listed = ask("get", "/sessions", Role.EDITOR).json()["items"]
    others = ask("get", "/sessions?user=the-editor", Role.OPERATOR)
    ended = ask("delete", path)

    assert (theirs.status_code, others.status_code, ended.status_code) == (404, 403, 204)
    assert [one["id"] for one in listed] == [made["id"]]
    assert me(client, made["access_token"]).status_code == 401


def test_cookies_cannot_be_read_by_scripts_nor_sent_by_other_sites(client: TestClient) -> None:
    found = client.post(PATH, json={"name": "the-editor", "password": PASSWORD, "cookies": True})

    cookies = found.headers.get_list("set-cookie")
    assert found.json()["access_token"] is found.json()["refresh_token"] is None
    assert all("HttpOnly" in one and "Secure" in one for one in cookies)
    assert ["SameSite=lax" in cookies[0], "SameSite=strict" in cookies[1]] == [True, True]
    assert [cookies[0].split("=")[0], "Path=/;" in cookies[0]] == ["__Host-pynomaly", True]


@pytest.fixture
def browser(app: FastAPI, client: TestClient) -> TestClient:
    """A client by TLS, which sends cookies."""
    return TestClient(app, base_url="https://server")


def test_a_change_by_cookie_needs_the_csrf_token(browser: TestClient) -> None:
    log_in(browser, cookies=True)
    csrf = browser.get(PATH).json()["csrf_token"]

    read = browser.get("/api/v1/me")
    without, wrong, right = (
        browser.post("/api/v1/tokens", json={"name": "ci"}, headers=headers)
        for headers in ({}, {"X-CSRF-Token": csrf[:-1]}, {"X-CSRF-Token": csrf})
    )

    assert [one.status_code for one in (read, without, wrong, right)] == [200, 403, 403, 201]
    assert "X-CSRF-Token" in without.json()["detail"]


def test_a_browser_refreshes_and_logs_out_by_its_cookies(browser: TestClient) -> None:
    csrf = {"X-CSRF-Token": log_in(browser, cookies=True)["csrf_token"]}

    without = browser.post(f"{PATH}/refresh")
    right = browser.post(f"{PATH}/refresh", headers=csrf)
    ended = browser.delete(PATH, headers=csrf)
    after = browser.get("/api/v1/me")

    assert (without.status_code, right.status_code) == (403, 200)
    assert right.json()["access_token"] is None
    assert (ended.status_code, after.status_code, dict(browser.cookies)) == (204, 401, {})


def test_other_sites_get_no_permission_to_ask(client: TestClient) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    found = client.options(PATH, headers=asked), client.get("/api/v1/me", headers=asked)

    allowed = [name for one in found for name in one.headers if name.startswith("access-control")]
    assert allowed == []


def test_every_reply_has_the_headers_that_protect_browsers(client: TestClient) -> None:
    for path in ("/api/v1/me", "/healthz", "/nothing"):
        found = client.get(path).headers

        assert found["Content-Security-Policy"].startswith("default-src 'none'")
        assert found["X-Content-Type-Options"] == "nosniff"
        assert found["X-Frame-Options"] == "DENY"
        assert found["Strict-Transport-Security"] == "max-age=31536000"
        assert found["Cache-Control"] == "no-store"


NEW = "other words than before"


def new_password(client: TestClient, token: str, old: str, new: str = NEW) -> Any:
    return client.post(
        "/api/v1/me/password",
        json={"password": old, "new": new},
        headers={"Authorization": f"Bearer {token}"},
    )


def test_a_changed_password_ends_what_is_logged_in(client: TestClient) -> None:
    first, second = log_in(client), log_in(client)

    changed = new_password(client, first["access_token"], PASSWORD)
    old = client.post(PATH, json={"name": "the-editor", "password": PASSWORD})
    new = client.post(PATH, json={"name": "the-editor", "password": NEW})

    assert (changed.status_code, old.status_code, new.status_code) == (204, 401, 201)
    assert me(client, second["access_token"]).status_code == 401


def test_a_password_is_changed_only_by_who_knows_it(client: TestClient, ask: Ask) -> None:
    made = log_in(client)["access_token"]

    wrong = [new_password(client, made, "wrong").status_code for _ in range(5)]
    locked = new_password(client, made, PASSWORD)
    by_token = ask("post", "/me/password", json={"password": PASSWORD, "new": NEW})

    assert (wrong, locked.status_code, by_token.status_code) == ([403] * 5, 403, 409)


@pytest.mark.parametrize("new", [PASSWORD, "short", "aaaaaaaaaaaaaaaa", "the-editor is my name"])
def test_a_new_password_has_to_fit(client: TestClient, new: str) -> None:
    found = new_password(client, log_in(client)["access_token"], PASSWORD, new)

    assert found.status_code == 422
