from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.application.config.document import SyntaxProblem, plain, read

TEXT = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
# PyYAML writes what YAML 1.1 takes for text; "0E0" is a number in 1.2.
WORDS = st.text(TEXT, max_size=5).filter(lambda text: isinstance(plain(text), str) or not text)
JSONLIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(TEXT, min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSONLIKE.filter(lambda value: "${" not in str(value) and "<<" not in str(value)))
def test_what_was_dumped_is_read_back(value: Any) -> None:
    assert read(yaml.safe_dump({"top": value}), {}).data == {"top": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1", 1),
        ("-0.5", -0.5),
        ("007", "007"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ('""', ""),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("-.inf", float("-inf")),
        ("'1'", "1"),
        ("|\n  text", "text"),
    ],
)
def test_scalars_mean_what_they_look_like(text: str, value: object) -> None:
    found = read(f"a: {text}", {}).data["a"]

    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    assert str(read("a: .nan", {}).data["a"]) == "nan"


def test_lines_and_keys() -> None:
    found = read("on: 1\n\n1:\n  - x\n  - y: z\n", {})

    assert found.data == {"on": 1, "1": ["x", {"y": "z"}]}
    assert found.lines == {(): 1, ("on",): 1, ("1",): 3, ("1", 0): 4, ("1", 1): 5, ("1", 1, "y"): 5}


def test_a_field_given_twice() -> None:
    (problem,) = read("a:\n  b: 1\n  b: 2\n", {}).issues

    assert (problem.line, problem.place, problem.text) == (3, "a.b", "is given twice: remove one")


def test_a_field_without_a_name() -> None:
    (problem,) = read("a: {[1]: 2}\n", {}).issues

    assert problem.text == "expected names of fields, found something else"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1, 2\n", 3, "expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a: \x00", 1, "characters that YAML forbids"),
        ("", 1, "is empty"),
        ("# only a comment\n", 1, "is empty"),
        ("a: *nothing", 1, "found undefined alias"),
        ("a: &x [*x]", 1, "nested too deeply"),
        ("a: &x {<<: *x}", 1, "nested too deeply"),
        ("a: &x\n  b: {<<: *x}", 1, "nested too deeply"),
        ("[" * 3_000, 1, "nested too deeply"),
        ("a: " + "{b: " * 3_000, 1, "nested too deeply"),
    ],
)
def test_rejects_what_is_not_a_document(text: str, line: int, message: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        read(text, {})

    assert caught.value.line == line
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('name: "\\uD800"', "name", "half of a surrogate pair"),
        ('"\\uDFFF": 1', "the file", r"'\udfff' holds half of a surrogate pair"),
        ('state: {directory: "a\\0b"}', "state.directory", "a NUL character"),
        ("name: ${A}", "name", "half of a surrogate pair"),
    ],
)
def test_text_that_no_file_and_no_message_can_hold_is_an_issue(
    text: str, place: str, message: str
) -> None:
    # So does Python read a byte of the environment that is not UTF-8.
    (issue,) = read(text, {"A": "\udcff"}).issues

    assert issue.place == place
    assert message in issue.text
    assert str(issue).isprintable()


def test_a_small_file_cannot_grow_without_end() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 10):
        text += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n"

    with pytest.raises(SyntaxProblem, match="is too large"):
        read(text, {})
