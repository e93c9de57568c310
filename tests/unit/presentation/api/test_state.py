"""The state of a pipeline over the API: seen, exported, reverted."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from engine.application.config.load import load
from engine.application.state.lock import StateLock
from engine.application.use_cases.run_in_process import run_in_process
from engine.domain.control.role import Role
from engine.presentation.api.guard import MOST_BYTES
from tests.unit.presentation.api.conftest import Ask

PATH = "/pipelines/quick/state"


@pytest.fixture
def ran(ask: Ask, tmp_path: Path) -> Path:
    """Run the pipeline over a file; return its state directory."""
    readings = tmp_path / "readings.ndjson"
    reading = {"sensor": "pump-1", "ts": 1_767_225_600_000, "temperature": 20, "vibration": 1}
    readings.write_text(json.dumps(reading) + "\n")
    file = tmp_path / "quick.yaml"
    text = file.read_text().replace("path: readings.ndjson", f"path: {readings}")
    text = text.replace("state: {", "state: {keep: 5, keep_every: 1s, ")
    sinks = SINKS.replace("FOUND", str(tmp_path / "found.ndjson"))
    file.write_text(text.replace("sinks: {anomalies: {stdout: {}}}", sinks) + "metrics: null\n")
    run_in_process(load(file))
    return tmp_path / "state"


SINKS = "sinks: {anomalies: {file: {path: FOUND}}}"


def test_what_is_stored_is_shown(ask: Ask, ran: Path) -> None:
    found = ask("get", PATH, Role.OPERATOR).json()

    assert found["place"] == str(ran)
    assert [(one["partition"], one["position"]) for one in found["partitions"]] == [("0", 1)]
    assert (found["entities"], found["refusal"]) == (1, None)
    assert found["kept"]


def test_a_pipeline_that_never_ran_has_no_state(ask: Ask) -> None:
    found = ask("get", PATH).json()

    assert (found["partitions"], found["entities"]) == ([], 0)


def test_the_state_is_exported_and_in_the_audit_log(ask: Ask, ran: Path) -> None:
    found = ask("get", f"{PATH}/export", Role.EDITOR)

    with tarfile.open(fileobj=io.BytesIO(found.content)) as archive:
        assert archive.getnames()
    [audited] = ask("get", "/audit?limit=1").json()["items"]
    assert (audited["action"], audited["subject"]) == ("state.export", "quick")


def test_an_exported_state_is_imported_once(ask: Ask, ran: Path) -> None:
    archive = ask("get", f"{PATH}/export").content
    before = ask("get", PATH).json()["partitions"]
    shutil.rmtree(ran)

    found = ask("post", f"{PATH}/import", Role.EDITOR, content=archive)
    again = ask("post", f"{PATH}/import", content=archive)

    assert found.status_code == 200
    assert found.json()["bytes"] > 0
    assert ask("get", PATH).json()["partitions"] == before
    assert again.status_code == 409
    assert "holds state already" in again.json()["detail"]
    audited = ask("get", "/audit?limit=2").json()["items"]
    assert [one["action"] for one in audited] == ["state.import"] * 2


def test_an_archive_may_be_larger_than_other_requests_and_has_to_be_whole(ask: Ask) -> None:
    found = ask("post", f"{PATH}/import", content=bytes(2 * MOST_BYTES))

    assert found.status_code == 409
    assert ask("get", PATH).json()["partitions"] == []


def test_a_pipeline_goes_back_to_a_checkpoint_that_was_kept(ask: Ask, ran: Path) -> None:
    # On a slow machine there may be a checkpoint before it.
    *_, kept = ask("get", PATH).json()["kept"]

    back = ask("post", f"{PATH}/revert", Role.EDITOR, json={"to": kept, "why": "bad data"})
    early = ask("post", f"{PATH}/revert", json={"to": "2020-01-01T00:00:00Z"})

    assert [one["kept"] for one in back.json()["items"]] == [kept]
    assert early.status_code == 409
    assert "nothing was kept" in early.json()["detail"]


def test_the_state_of_a_pipeline_that_runs_stays_as_it_is(ask: Ask, ran: Path) -> None:
    with StateLock(ran):
        found = [
            ask("get", f"{PATH}/export"),
            ask("post", f"{PATH}/revert", json={"to": "2030-01-01T00:00:00Z"}),
        ]

    assert [one.status_code for one in found] == [409, 409]
