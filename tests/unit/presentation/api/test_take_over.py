"""A pipeline is taken from a server that is away, over the API."""

from __future__ import annotations

from engine.application.control.memory_store import MemoryStore
from engine.application.control.run_claims import CLAIM_NS, claim
from engine.domain.control.role import Role
from tests.unit.presentation.api.conftest import NOW, Ask

PATH = "/pipelines/quick/take-over"
KEY = {"Idempotency-Key": "k1"}


def test_a_pipeline_is_taken_over_once_and_audited(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        claim(work, "server-2", "quick", NOW - CLAIM_NS)

    first, again = (ask("post", PATH, Role.OPERATOR, headers=KEY) for _ in "12")
    newest = ask("get", "/audit").json()["items"][0]
    anew = ask("post", PATH, Role.OPERATOR)

    assert first.json() == {
        "pipeline": "quick",
        "server": "server-2",
        "last_heard": "2026-11-30T00:52:20Z",
    }
    assert again.content == first.content
    assert (newest["action"], newest["before"]) == ("pipeline.take-over", {"server": "server-2"})
    assert (anew.status_code, "nothing to take over" in anew.json()["detail"]) == (409, True)


def test_a_pipeline_of_a_server_that_was_just_heard_of_is_not_taken_over(
    ask: Ask, store: MemoryStore
) -> None:
    with store.writing() as work:
        claim(work, "server-2", "quick", NOW - CLAIM_NS + 1)

    found = ask("post", PATH)
    deleted = ask("delete", "/pipelines/quick", headers={"If-Match": "*"})

    assert (found.status_code, "heard of in the last minute" in found.text) == (409, True)
    assert (deleted.status_code, "another server" in deleted.text) == (409, True)
