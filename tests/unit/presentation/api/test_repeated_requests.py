"""Requests that are sent again: users, tokens and restarts, of which one must not be two."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.application.control.local_runner import LocalRunner
from engine.application.control.memory_store import MemoryStore
from engine.domain.control.errors import ConflictError
from engine.domain.control.role import Role
from engine.presentation.api.identity import NewUser
from engine.presentation.api.services import Argon2
from tests.unit.presentation.api.conftest import PASSWORD, PIPELINE, Ask

KEY = {"Idempotency-Key": "k1"}
SLEEPING = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_user_is_added_once(ask: Ask) -> None:
    given = {"json": {"name": "new", "role": "viewer", "password": PASSWORD}, "headers": KEY}

    first, again = ask("post", "/users", **given), ask("post", "/users", **given)
    audit = ask("get", "/audit").json()["items"]

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert [one["action"] for one in audit].count("user.add") == len(Role) + 1


@pytest.mark.parametrize("change", [{"password": "four other words"}, {"role": "editor"}])
def test_another_user_with_the_same_key_is_a_conflict(ask: Ask, change: dict[str, str]) -> None:
    given = {"name": "new", "role": "viewer", "password": PASSWORD}
    ask("post", "/users", json=given, headers=KEY)

    found = ask("post", "/users", json=given | change, headers=KEY)

    assert (found.status_code, "take a new one" in found.json()["detail"]) == (409, True)


def test_what_is_stored_of_a_password_is_as_hard_to_guess_as_its_hash(
    ask: Ask, store: MemoryStore, passwords: Argon2
) -> None:
    given = {"name": "new", "role": "viewer", "password": PASSWORD}

    ask("post", "/users", json=given, headers=KEY)

    with store.reading() as work:
        kept = work.replies.get("the-admin", "k1")
    shown = passwords.fingerprint(PASSWORD, "the-admin k1")
    asked = NewUser(name="new", role=Role.VIEWER, password=shown)
    digest = sha256(orjson.dumps(["POST", "/api/v1/users", str(asked)])).hexdigest()
    assert shown.startswith("$argon2id$")
    assert kept is not None
    assert kept.request == digest


def test_a_token_is_made_once_and_its_secret_is_not_shown_again(
    ask: Ask, store: MemoryStore
) -> None:
    given = {"json": {"name": "ci"}, "headers": KEY}

    first, again = ask("post", "/tokens", **given), ask("post", "/tokens", **given)

    made = first.json()
    named = [one["id"] for one in ask("get", "/tokens").json()["items"] if one["name"] == "ci"]
    with store.reading() as work:
        kept = work.replies.get("the-admin", "k1")
    assert (first.status_code, again.status_code, named) == (201, 409, [made["id"]])
    assert made["id"] in again.json()["detail"]
    assert kept is not None
    assert made["token"].rpartition("_")[2] not in again.text + kept.body.decode()


@pytest.fixture
def runner(app: FastAPI, ask: Ask, tmp_path: Path) -> Iterator[LocalRunner]:
    """Return what runs a stored pipeline, which does nothing until it is stopped."""
    made = LocalRunner(tmp_path / "runs", SLEEPING)
    app.state.services = replace(app.state.services, runner=made)
    text = PIPELINE.replace("STATE", str(tmp_path / "state"))
    assert ask("put", "/pipelines/quick", json={"text": text}).status_code == 201
    assert ask("post", "/pipelines/quick/start").status_code == 200
    yield made
    with suppress(ConflictError):
        made.stop("quick", drain=False)


def test_a_restart_is_made_once(ask: Ask, runner: LocalRunner) -> None:
    before = runner.get("quick")

    first = ask("post", "/pipelines/quick/restart", headers=KEY)
    again = ask("post", "/pipelines/quick/restart", headers=KEY)

    run = runner.get("quick")
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert before is not None
    assert run is not None
    assert (run.process, run.is_over) == (first.json()["process"], False)
    assert run.process != before.process


def test_a_restart_without_a_key_is_made_each_time(ask: Ask, runner: LocalRunner) -> None:
    processes = {ask("post", "/pipelines/quick/restart").json()["process"] for _ in range(2)}

    assert len(processes) == 2


def test_two_restarts_of_a_pipeline_do_not_cross(
    ask: Ask, app: FastAPI, client: TestClient, runner: LocalRunner
) -> None:
    before = runner.get("quick")
    with app.state.services.restarts.of("quick"):
        found = ask("post", "/pipelines/quick/restart", headers=KEY)

    assert found.status_code == 409
    assert runner.get("quick") == before


def test_a_repeat_of_a_restart_is_refused_to_whom_it_is_not_allowed(
    ask: Ask, runner: LocalRunner
) -> None:
    given: dict[str, Any] = {"headers": KEY}
    ask("post", "/pipelines/quick/restart", Role.OPERATOR, **given)

    assert ask("post", "/pipelines/quick/restart", Role.VIEWER, **given).status_code == 403
