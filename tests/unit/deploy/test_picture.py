"""The picture of a dashboard shows what was answered, and says where nothing was."""

from typing import Any
from xml.etree import ElementTree

import pytest

from deploy.grafana.generate import DASHBOARDS
from deploy.grafana.graph import COLOURS, NAMED, Series, readable
from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.picture import draw

SVG = "{http://www.w3.org/2000/svg}"


def lines(svg: str) -> list[list[tuple[float, float]]]:
    """Return the points of the lines that are drawn."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    pairs = [line.attrib["points"].split() for line in found]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in each)] for each in pairs]


def one(*series: Series, **more: Any) -> str:
    panel = Panel("Speed", {"{{who}}": "speed"}, "cps", **more)
    span = min(each.times[0] for each in series), max(each.times[-1] for each in series)
    return draw(Dashboard("d", "d", {"Row": [panel]}), lambda _: list(series), span)


def test_lines_are_to_scale() -> None:
    svg = one(Series({"who": "<a>"}, [10, 20, 30], [0, 50, 100]))
    [[start, middle, end]] = lines(svg)

    assert middle == pytest.approx(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), abs=0.1)
    assert start[0] < end[0]
    assert start[1] > end[1], "up is more"
    assert "&lt;a&gt;" in svg
    assert ">100/s<" in svg
    assert ">00:00:10<" in svg


def test_stacked_lines_stand_on_each_other() -> None:
    both = [Series({}, [0, 1], [1, 1]), Series({}, [0, 1], [3, 3])]
    apart, stacked = lines(one(*both)), lines(one(*both, stacked=True))
    base = max(y for _, y in lines(one(Series({}, [0, 1], [0, 1])))[0])
    heights = [base - line[0][1] for line in stacked]

    assert heights[0] / heights[1] == pytest.approx(1 / 4, abs=0.01)
    assert base - apart[0][0][1] == pytest.approx((base - apart[1][0][1]) / 3, abs=0.1)


def test_a_line_that_begins_later_stands_on_nothing_before() -> None:
    first, second = Series({}, [0, 1, 2], [1, 1, 1]), Series({}, [1, 2], [1, 1])
    _, upper = lines(one(first, second, stacked=True))

    assert upper[0][1] > upper[1][1] == upper[2][1]


def test_a_name_keeps_its_colour() -> None:
    both = [Series({"who": who}, [0, 1], [1, 1]) for who in ("minor", "other")]
    drawn = ElementTree.fromstring(one(*both, colors={"minor": "red"})).iter(f"{SVG}polyline")

    assert [line.attrib["stroke"] for line in drawn] == [NAMED["red"], COLOURS[1]]


def test_a_number_has_the_colour_of_its_limit() -> None:
    fills = [
        one(Series({}, [0], [value]), kind="stat", limits=(1, 2)).count("#b3263c")
        for value in (0.5, 1.5, 2.5)
    ]

    assert fills == [0, 0, 1]


def test_skips_values_that_are_not_numbers() -> None:
    assert len(lines(one(Series({}, [0, 1, 2], [1, float("nan"), 2])))[0]) == 2


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_every_dashboard_can_be_drawn(dashboard: Dashboard) -> None:
    svg = draw(dashboard, lambda _: [], (0, 1))
    texts = [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    panels = [panel for row in dashboard.rows.values() for panel in row]
    drawn = [each for each in panels if isinstance(each, Panel) and each.kind != "table"]

    assert texts.count("No data") == len(drawn)
    assert {panel.title for panel in drawn} <= set(texts)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "cps", "0/s"),
        (1_234, "cps", "1.23k/s"),
        (999.7, "cps", "1k/s"),
        (0.012, "s", "12 ms"),
        (2.5, "s", "2.5 s"),
        (0.5, "percentunit", "50 %"),
        (0.25, "cps", "0.25/s"),
        (3e9, "bytes", "3 GB"),
    ],
)
def test_numbers_are_short(value: float, unit: str, text: str) -> None:
    assert readable(value, unit) == text
