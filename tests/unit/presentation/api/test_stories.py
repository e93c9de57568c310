"""Stories over the API: incidents that belong together, found and collapsed."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from tests.support.published import anomaly, incident, story
from tests.unit.presentation.api.conftest import Ask

ROOT = f"{12:032x}"


@pytest.fixture(autouse=True)
def outage(store: MemoryStore) -> None:
    """Three pumps of a site: their anomalies, and then the records of their incidents."""
    with store.writing() as work:
        ingest(work, [anomaly(n, entity=f"pump-{n}") for n in (12, 13, 14)])
        records = [
            incident(n, 2, entity=f"pump-{n}", story=story(ROOT, n - 11)) for n in (12, 13, 14)
        ]
        ingest(work, records)


def ids(found: Any) -> list[str]:
    return [one["id"] for one in found.json()["items"]]


def test_an_incident_is_shown_with_its_story(ask: Ask) -> None:
    listed = ask("get", "/incidents?limit=1").json()["items"][0]
    one = ask("get", f"/incidents/{14:032x}").json()
    other = ask("get", f"/incidents/{1:032x}").json()

    assert (listed["story"], one["story"]) == ("s", "s")
    assert listed["record"]["story"] == one["record"]["story"] == story(ROOT, 3)
    assert other["story"] is None


def test_the_incidents_of_a_story_are_listed(ask: Ask) -> None:
    assert ids(ask("get", "/incidents?story=s")) == [f"{n:032x}" for n in (14, 13, 12)]
    assert ids(ask("get", "/incidents?story=none")) == []


def test_a_list_shows_one_incident_of_each_story(ask: Ask) -> None:
    found = ask("get", "/incidents?collapse=story&limit=2")
    rest = ask("get", found.links["next"]["url"].removeprefix("/api/v1"))

    assert ids(found) == [ROOT, f"{5:032x}"]
    assert set(ids(rest)).isdisjoint({f"{n:032x}" for n in (12, 13, 14)})


def test_a_story_is_shown_while_one_of_its_incidents_is_open(ask: Ask) -> None:
    ask("post", f"/incidents/{ROOT}/resolve", headers={"If-Match": "*"})

    found = ids(ask("get", "/incidents?collapse=story&status=open"))

    assert found[0] == f"{13:032x}"


def test_another_way_to_collapse_is_refused(ask: Ask) -> None:
    found = ask("get", "/incidents?collapse=entity")

    assert found.json()["errors"][0]["pointer"] == "/query/collapse"


def test_an_export_has_the_id_of_the_story(ask: Ask) -> None:
    found = ask("get", "/incidents/export?format=csv&story=s&collapse=story")

    [row] = csv.DictReader(io.StringIO(found.text))
    assert (row["id"], row["story"]) == (ROOT, "s")


@pytest.mark.parametrize("broken", ["s", {"id": "s"}, {**story(ROOT, 1), "incidents": "many"}])
def test_a_story_that_cannot_be_read_is_refused_with_its_record(
    store: MemoryStore, broken: object
) -> None:
    with store.writing() as work:
        found = ingest(work, [incident(20, story=broken)])

    assert len(found.unreadable) == 1
