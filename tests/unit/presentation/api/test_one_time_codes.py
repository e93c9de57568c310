"""One-time codes beside the password, over the API."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient

from engine.domain.control.role import Role
from tests.unit.presentation.api.conftest import PASSWORD, Ask
from tests.unit.presentation.api.test_sessions import Clock, clock

__all__ = ["clock"]
STEP = 30
TOTP = "/api/v1/me/totp"


def log_in(client: TestClient, **more: Any) -> Any:
    login = {"name": "the-editor", "password": PASSWORD, **more}
    return client.post("/api/v1/session", json=login)


def code(secret: str, clock: Clock, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(clock.now // 10**9 + steps * STEP)


@pytest.fixture
def secret(client: TestClient, clock: Clock) -> str:
    """Of an authenticator that was confirmed a minute ago."""
    shown = {"Authorization": f"Bearer {log_in(client).json()['access_token']}"}
    made: str = client.post(TOTP, headers=shown).json()["secret"]
    body = {"code": code(made, clock)}
    assert client.post(f"{TOTP}/confirm", json=body, headers=shown).status_code == 204
    clock.now += 60 * 10**9
    return made


def test_a_login_needs_a_code_once_one_was_confirmed(
    client: TestClient, clock: Clock, secret: str
) -> None:
    without = log_in(client)
    wrong = log_in(client, code="000000")
    right = log_in(client, code=code(secret, clock))

    assert [one.status_code for one in (without, wrong, right)] == [401, 401, 201]
    assert "send it as `code`" in without.json()["detail"]


def test_a_code_is_accepted_once_and_from_a_clock_that_is_a_step_off(
    client: TestClient, clock: Clock, secret: str
) -> None:
    early = log_in(client, code=code(secret, clock, -1))
    again = log_in(client, code=code(secret, clock, -1))
    far = log_in(client, code=code(secret, clock, 2))
    late = log_in(client, code=code(secret, clock, 1))

    assert [one.status_code for one in (early, again, far, late)] == [201, 401, 401, 201]


def test_wrong_codes_lock_the_user_as_wrong_passwords_do(
    client: TestClient, clock: Clock, secret: str
) -> None:
    for _ in range(5):
        log_in(client, code="000000")

    assert log_in(client, code=code(secret, clock)).status_code == 401


def test_nothing_is_asked_for_until_a_code_was_right(client: TestClient, clock: Clock) -> None:
    shown = {"Authorization": f"Bearer {log_in(client).json()['access_token']}"}
    made = client.post(TOTP, headers=shown).json()

    wrong = client.post(f"{TOTP}/confirm", json={"code": "000000"}, headers=shown)

    assert made["uri"] == pyotp.TOTP(made["secret"]).provisioning_uri(
        name="the-editor", issuer_name="Pynomaly"
    )
    assert (wrong.status_code, log_in(client).status_code) == (422, 201)


def test_codes_are_replaced_only_by_who_manages_users(
    client: TestClient, clock: Clock, secret: str, ask: Ask
) -> None:
    login = log_in(client, code=code(secret, clock)).json()
    shown = {"Authorization": f"Bearer {login['access_token']}"}

    again = client.post(TOTP, headers=shown)
    own = ask("delete", "/users/the-editor/totp", Role.EDITOR)
    removed = ask("delete", "/users/the-editor/totp")

    assert (again.status_code, own.status_code, removed.status_code) == (409, 403, 204)
    assert log_in(client).status_code == 201


def test_a_token_sets_up_no_codes(ask: Ask) -> None:
    found = ask("post", "/me/totp"), ask("post", "/me/totp/confirm", json={"code": "1"})

    assert [one.status_code for one in found] == [409, 409]
