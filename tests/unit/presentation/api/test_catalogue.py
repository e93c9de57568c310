"""The catalogue: detectors that are installed, pages to scrape, entities to explain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from engine.application import registry
from engine.application.control.discover import discovery
from tests.unit.presentation.api.conftest import Ask


def test_lists_the_installed_detectors_with_their_parameters(ask: Ask) -> None:
    found = {one["name"]: one for one in ask("get", "/detectors").json()["items"]}

    assert set(found) == {one.name for one in registry.declarations()}
    assert found["auto"]["keeps_budget"] is True
    assert "half_life" in {one["name"] for one in found["zscore"]["parameters"]}


def test_targets_are_the_pages_of_pipelines_that_can_be_read(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "quick.yaml"
    text = file.read_text()
    shown = ask("get", "/targets").json()
    file.write_text(text + "metrics: null\n")
    off = ask("get", "/targets").json()
    file.write_text("name: [")
    broken = ask("get", "/targets").json()

    assert shown == [
        {"targets": ["127.0.0.1:9464"], "labels": {"pipeline": "quick", "__scheme__": "http"}}
    ]
    assert (off, broken) == ([], [])


def test_pipelines_that_others_run_are_discovered_once(ask: Ask, app: FastAPI) -> None:
    ways = [discovery("static:press.example:9464"), discovery("static:127.0.0.1:9464")]
    app.state.services = replace(app.state.services, discoveries=ways)

    shown = ask("get", "/targets").json()

    assert [one["targets"] for one in shown] == [["127.0.0.1:9464"], ["press.example:9464"]]
    assert shown[1]["labels"] == {"__scheme__": "http"}


def test_an_entity_of_which_nothing_is_known_is_not_found(ask: Ask) -> None:
    found = ask("get", "/pipelines/quick/explain?entity=press-1")

    assert found.status_code == 404
    assert found.json()["detail"]
