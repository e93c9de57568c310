"""Lines of text: of a pattern, and logfmt."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.formats.lines_of_text import RegexSettings
from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import decode, entities

TIMED = r"key: host" + "\nvalues: [took]\n"
PATTERN = TIMED + r"format: {regex: {pattern: '(?P<host>\S+) took (?P<took>\S+)( ms)?'}}"


def test_the_groups_of_a_line_are_its_fields() -> None:
    events, rejects = decode(PATTERN, b"007 took 12.5 ms\nh2 took 3\n\n", b"h3 took 1e3")

    assert entities(events) == [("007", 12.5), ("h2", 3.0), ("h3", 1000.0)]
    assert rejects == []


def test_a_line_that_does_not_match_is_rejected_alone() -> None:
    events, (reject,) = decode(PATTERN, b"h1 took 1\nrestarted\nh2 took 2")

    assert entities(events) == [("h1", 1.0), ("h2", 2.0)]
    assert reject.reason is RejectReason.NOT_AN_OBJECT
    assert reject.detail == "the line 'restarted' is not read by the format regex"


def test_lines_that_do_not_match_are_left_out_if_the_file_says_so() -> None:
    found = decode(PATTERN.replace("}}", ", unmatched: skip}}"), b"restarted\nh1 took 1", b"bye")

    assert (entities(found[0]), found[1]) == ([("h1", 1.0)], [])


@pytest.mark.parametrize(
    ("pattern", "complaint"), [("(", "expected a regular expression"), ("a", "named groups")]
)
def test_a_pattern_without_fields_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        RegexSettings(pattern=pattern)


@pytest.mark.parametrize(
    ("line", "took"),
    [
        ('host=a took=12 msg="took=9 \\"quoted\\""', 12.0),
        ("2024-01-01T00:00:00Z heroku[router]: host=a took=1.5", 1.5),
        ('host="a" took="2" done', 2.0),
        ("host=a   took=3 empty=", 3.0),
    ],
)
def test_pairs_of_logfmt_are_fields(line: str, took: float) -> None:
    text = "key: host\nvalues: {took: {path: took, as: number}}\nformat: logfmt"

    events, rejects = decode(text, line.encode())

    assert (entities(events), rejects) == ([("a", took)], [])


def test_a_line_without_pairs_is_no_logfmt() -> None:
    events, (reject,) = decode(TIMED + "format: logfmt", b"host=a took=1\nhello\n")

    assert entities(events) == [("a", 1.0)]
    assert reject.detail == "the line 'hello' is not read by the format logfmt"


def test_words_without_a_value_are_true() -> None:
    where = "where: {path: slow, equals: true}\n"

    events, rejects = decode(TIMED + where + "format: logfmt", b"host=a took=1 slow\nhost=b took=1")

    assert (entities(events), rejects) == ([("a", 1.0)], [])
