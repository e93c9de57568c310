"""The dashboards that are committed are those that the generator writes, and fit the engine."""

import json
import re

import pytest

from deploy.grafana.generate import DASHBOARDS, FOLDER, generate
from deploy.grafana.panels import WIDTH, Dashboard
from tests.unit.deploy.rules import names_in, records, series_names

each = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)


def test_the_committed_files_are_generated(tmp_path) -> None:
    generate(tmp_path)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in FOLDER.iterdir()
    }, "run: python -m deploy.grafana.generate"


@each
def test_queries_read_only_what_there_is(dashboard: Dashboard) -> None:
    known = series_names() | records()

    for query in dashboard.queries():
        assert names_in(query) <= known, query


@each
def test_panels_do_not_overlap_and_have_numbers_of_their_own(dashboard: Dashboard) -> None:
    panels = json.loads(json.dumps(dashboard.json()))["panels"]
    numbers = [panel["id"] for panel in panels]

    assert len(set(numbers)) == len(numbers)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))


@each
def test_what_is_chosen_at_the_top_is_what_queries_ask_for(dashboard: Dashboard) -> None:
    chosen = {variable["name"] for variable in dashboard.json()["templating"]["list"]}
    text = json.dumps(dashboard.json()["panels"])

    assert {name for name in chosen if re.search(rf"\$({name}|{{{name}[}}:])", text)} == chosen
