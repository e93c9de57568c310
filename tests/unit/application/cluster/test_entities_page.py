"""The page about entities on a real port, answered by the thread that runs the steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client import CollectorRegistry

from engine.application import registry
from engine.application.cluster import entities_page as module
from engine.application.cluster.entities_page import entities_page
from engine.application.cluster.health import Health
from engine.application.cluster.metrics_server import serve
from engine.application.config.load import parse
from engine.application.config.sections import MetricsSpec
from engine.application.dataflow.live_tasks import LiveTasks
from engine.application.dataflow.task import Task
from engine.application.live_control.records import ControlRecord
from engine.application.live_control.task_control import TaskControl
from engine.application.ports import RunContext
from engine.application.telemetry.redaction import Redactor
from engine.domain.control_change import ControlChange, Reset
from tests.support.kafka_settings import free_port
from tests.unit.operators.pipelines import events, noise

FILE = """\
name: plant
source: stdin
event: {key: id, values: [a, b]}
detectors: [zscore]
sinks: {anomalies: {stdout: {}}}
silences: [{name: gearbox, entities: [press-0], learn: true}]
"""
ODD = "Prüfstand 3/7?"


class Page:
    """A process with one task, and its page."""

    def __init__(self) -> None:
        self.live = LiveTasks()
        file = parse(FILE, Path("p.yaml"), {}, Redactor())
        self.step: Any = registry.step("detect")(file.pipeline(), RunContext("plant"))(1)
        self.step.process([noise(1, 3_600), events([ODD], [[1.0, 2.0]], first=3_600)])
        self.task = Task("0", 1, position=3_601)
        self.live.add(self.task, self.step)
        spec = MetricsSpec.model_validate({"port": free_port()})
        pages = entities_page(self.live, file)
        given = (spec, 0, CollectorRegistry(), Health(RunContext("plant")), Redactor(), pages)
        self._server = serve(*given)
        self._ended = threading.Event()
        self._flow = threading.Thread(target=self._answer)

    def start(self) -> None:
        """Begin to answer, as the dataflow does between its batches."""
        self._flow.start()

    def get(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
        connection = HTTPConnection("127.0.0.1", self._server.server_port, timeout=60)
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read().decode()

    def close(self) -> None:
        self._ended.set()
        if self._flow.ident is not None:
            self._flow.join()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self) -> None:
        while not self._ended.wait(0.001):
            self.live.answer()


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page()
    yield made
    made.close()


def test_says_what_is_known_of_an_entity_and_changes_nothing(page: Page) -> None:
    page.start()
    before = page.step.dump()

    status, headers, text = page.get("/entities/press-0")

    (found,) = json.loads(text)["items"]
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert (found["entity"], found["partition"], found["position"]) == ("press-0", "0", 3_601)
    assert found["warm"] is True
    assert 0 < found["threshold"] < 0.01
    assert [value["name"] for value in found["expected"]] == ["a", "b"]
    assert all(value["low"] < 20 < value["high"] for value in found["expected"])
    assert [silence["name"] for silence in found["silences"]] == ["gearbox"]
    assert page.step.dump() == before


def test_models_that_started_afresh_have_learned_nothing_and_expect_nothing(page: Page) -> None:
    page.step.control(ControlChange(resets=(Reset(("press-0",)),)))
    page.start()

    (found,) = json.loads(page.get("/entities/press-0")[2])["items"]
    (other,) = json.loads(page.get("/entities/press-1")[2])["items"]

    assert (found["warm"], found["events_learned"]) == (False, 0)
    assert found["events"] > 0
    assert {(one["low"], one["high"]) for one in found["expected"]} == {(None, None)}
    assert other["events_learned"] == other["events"]


def test_names_the_budget_that_is_in_force(page: Page) -> None:
    common = {"who": "anna", "when": "2026-03-01T06:00:00Z"}
    record = {"id": "budget-1", "number": 1, **common, "budget": {"budget": "1/hour"}}
    control = TaskControl("log", 1, ((0, ControlRecord.model_validate(record)),))
    page.task.control = control
    page.start()

    (found,) = json.loads(page.get("/entities/press-0")[2])["items"]

    assert found["budget"] == "budget-1"
    assert "24 false alarms a day" in found["promise"]


def test_a_key_may_have_any_sign(page: Page) -> None:
    page.start()

    status, _, text = page.get("/entities/Pr%C3%BCfstand%203%2F7%3F")

    assert status == 200
    assert json.loads(text)["items"][0]["entity"] == ODD


def test_shows_who_is_nearest_to_alerting(page: Page) -> None:
    page.start()

    status, _, text = page.get("/entities?top=2")

    found = json.loads(text)["items"]
    assert status == 200
    assert len(found) == 2
    assert found[0]["evidence"] >= found[1]["evidence"]
    assert all(0 < one["p_value"] <= 0.1 for one in found)
    assert len(json.loads(page.get("/entities")[2])["items"]) == 3


def test_an_unknown_entity_is_not_found(page: Page) -> None:
    page.start()

    status, _, text = page.get("/entities/pres-0")

    assert status == 404
    assert 'nothing is known of "pres-0"' in text
    assert 'Did you mean "press-0"?' in text
    assert "other" in text


@pytest.mark.parametrize("top", ["0", "-1", "many", "", "100000", "²"])
def test_rejects_a_count_that_is_none(page: Page, top: str) -> None:
    status, _, text = page.get(f"/entities?top={quote(top)}")

    assert status == 400
    assert "expected a number from 1 to 1,000" in text


def test_changes_are_not_taken(page: Page) -> None:
    status, headers, _ = page.get("/entities/press-0", method="DELETE")

    assert (status, headers["Allow"]) == (405, "GET")


def test_says_that_it_is_busy(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_SECONDS", 0.05)

    status, headers, text = page.get("/entities/press-0")

    assert status == 503
    assert headers["Retry-After"] == "5"
    assert "ask again" in text


def test_an_error_of_a_question_does_not_stop_the_dataflow(page: Page) -> None:
    page.start()

    def fails(_tasks: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        page.live.ask(fails, 60)

    assert page.get("/entities")[0] == 200
