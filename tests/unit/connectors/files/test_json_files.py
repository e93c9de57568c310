"""JSON files: a document a line, or documents over several lines, or many on one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.files import json_documents
from connectors.files.json_documents import json_payloads
from tests.unit.connectors.files.test_dialects import read, written

DOCUMENTS = [
    {"id": "a", "v": 1.5, "text": 'a } { ] "[', "inner": {"list": [1, [2]]}},
    {"id": "ü", "v": 2.5, "text": "\\", "inner": {}},
    {"id": "c", "v": 3.5, "text": "", "inner": {"list": []}},
]
LINES = [json.dumps(document, ensure_ascii=False) for document in DOCUMENTS]
LAYOUTS = {
    "lines": "\n".join(LINES),
    "pretty array": json.dumps(DOCUMENTS, indent=2),
    "array, a document a line": "[\n" + ",\n".join(LINES) + "\n]\n",
    "array, as PostgreSQL aggregates": "[" + ", \n ".join(LINES) + "]",
    "pretty documents": "\n".join(json.dumps(document, indent=4) for document in DOCUMENTS),
    "documents on one line, as Firehose writes": "".join(LINES),
    "documents on one line with blanks": " ".join(LINES),
    "pretty, with carriage returns": json.dumps(DOCUMENTS, indent=1).replace("\n", "\r\n"),
}


def payloads(text: str, max_bytes: int = 2**20) -> list[bytes]:
    return list(json_payloads(io.BytesIO(text.encode()), max_bytes))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_document_is_a_message_in_every_layout(tmp_path: Path, layout: str) -> None:
    file = written(tmp_path, LAYOUTS[layout], "a.json")

    documents, errors, _ = read(file)

    assert (documents, errors) == (DOCUMENTS, {})
    assert read(file, skip=2)[0] == DOCUMENTS[2:]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_documents_are_the_same_however_the_file_is_cut(
    layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "CHUNK_BYTES", 3)

    found = [json.loads(payload) for payload in payloads(LAYOUTS[layout])]

    assert found == DOCUMENTS


def test_an_array_on_one_line_is_one_message() -> None:
    assert payloads(json.dumps(DOCUMENTS)) == [json.dumps(DOCUMENTS).encode()]


def test_an_array_on_one_line_above_the_limit_is_its_elements() -> None:
    found = payloads(json.dumps(DOCUMENTS * 20), max_bytes=200)

    assert [json.loads(payload) for payload in found] == DOCUMENTS * 20


def test_a_first_line_that_is_cut_off_is_a_message_alone() -> None:
    text = '{"id": "a", "v":\n' + "\n".join(LINES)

    assert payloads(text) == [b'{"id": "a", "v":', *(line.encode() for line in LINES)]


def test_a_broken_document_is_a_message_alone() -> None:
    broken = json.dumps(DOCUMENTS, indent=2).replace("2.5,", "2.5;")

    first, second, third = payloads(broken)

    assert json.loads(first) == DOCUMENTS[0]
    assert b"2.5;" in second
    assert json.loads(third) == DOCUMENTS[2]


def test_a_broken_document_on_a_line_of_many_is_a_message_alone() -> None:
    found = payloads(LINES[0] + '{"id": "b", }' + LINES[2])

    assert found == [LINES[0].encode(), b'{"id": "b", }', LINES[2].encode()]


def test_a_document_above_the_limit_is_cut_and_the_next_is_read() -> None:
    large = {"id": "b", "text": "x" * 5_000}
    text = json.dumps([DOCUMENTS[0], large, DOCUMENTS[2]], indent=2, ensure_ascii=False)

    first, second, third = payloads(text, max_bytes=1_000)

    assert json.loads(first) == DOCUMENTS[0]
    assert len(second) == 1_001
    assert json.loads(third) == DOCUMENTS[2]


def test_an_array_that_is_cut_off_has_its_whole_elements_and_one_broken_message() -> None:
    found = payloads(json.dumps(DOCUMENTS, indent=2)[:-40])

    assert [json.loads(payload) for payload in found[:2]] == DOCUMENTS[:2]
    assert len(found) == 3


@given(st.text('{}[]":,\\ \n1a', max_size=60))
def test_no_text_stops_the_reader_or_is_read_for_ever(text: str) -> None:
    found = payloads("{" + text, max_bytes=20)

    assert all(len(payload) <= 21 for payload in found)
    assert len(found) <= len(text) + 1
