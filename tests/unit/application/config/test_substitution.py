from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.config.document import read
from engine.application.config.load import load
from engine.application.config.substitution import (
    FromOutside,
    Substituted,
    SubstitutionError,
    is_credential,
    is_secret,
    substitute,
)
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import PipelineFileError
from tests.unit.application.config.conftest import Load, Problems
from tests.unit.application.config.test_load import LEAST


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"),
        ("x${A}y${B}z", "x1y${A}z"),
        ("${C:-localhost:9092}", "localhost:9092"),
        ("${E:-d}", "d"),
        ("${E}", ""),
        ("${C:-}", ""),
        ("$${A}", "${A}"),
        ("$A $ {A} a.b[0]", "$A $ {A} a.b[0]"),
    ],
)
def test_references(text: str, result: str) -> None:
    assert substitute(text, {"A": "1", "B": "${A}", "E": ""}).text == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${C}", "the environment variable C is not set"),
        ("${C", "is not closed"),
        ("${}", "is not a reference"),
        ("${a b}", "is not a reference"),
        ("${C-d}", "is not a reference"),
        ("${file:/no/such/file}", "cannot be read: No such file"),
    ],
)
def test_references_that_cannot_be_replaced(text: str, message: str) -> None:
    with pytest.raises(SubstitutionError, match=message):
        substitute(text, {})


def test_a_file_is_a_secret_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("hush hush\n")
    found = substitute(f"${{file:{tmp_path / 's'}}}", {})

    assert found == Substituted("hush hush", ("hush hush",), ("hush hush",), ((0, 9),))
    (tmp_path / "s").write_bytes(b"\xff")
    with pytest.raises(SubstitutionError, match="it is not UTF-8"):
        substitute(f"${{file:{tmp_path / 's'}}}", {})


def test_plain_references_are_read_as_what_they_hold_and_secrets_as_text() -> None:
    found = read("a: ${N}\nb: '${N}'\nc: ${PASSWORD}\nd: ${N:-2}", {"N": "7", "PASSWORD": "123"})

    assert found.data == {"a": 7, "b": "7", "c": "123", "d": 7}


@pytest.mark.parametrize(
    ("text", "whole"),
    [("${A}", True), ("${file:F}", True), ("x${A}", False), ("${A:-d}", False), ("$${A}", False)],
)
def test_a_scalar_knows_whether_all_of_it_came_from_outside(
    tmp_path: Path, text: str, whole: bool
) -> None:
    (tmp_path / "F").write_text("1")
    found = substitute(text.replace("F", str(tmp_path / "F")), {"A": "1"})

    assert isinstance(found.text, FromOutside) == whole


def test_a_secret_is_text_whatever_its_variable_is_called() -> None:
    text = "password: ${A}\nnumber: ${A}\nsasl.password: 1e5"

    assert read(text, {"A": "1e5"}).data == {
        "password": "1e5",
        "number": 1e5,
        "sasl.password": 1e5,
    }


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "sasl.username", "apiKey", "TOKEN", "ClientSecret"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert is_credential(name) == (name != "sasl.username")


@pytest.mark.parametrize(
    "name",
    ["KAFKA_PASS", "KAFKA_PW", "passphrase", "ssl.key.pem", "SASL_JAAS", "sasl.oauthbearer.config"],
)
def test_names_of_credentials(name: str) -> None:
    assert is_credential(name)


@pytest.mark.parametrize("name", ["KAFKA_BROKERS", "PASSENGERS", "group.id", "ssl.key.location"])
def test_names_of_what_may_be_shown(name: str) -> None:
    assert not is_secret(name)


def test_what_opens_doors_is_kept_apart_from_what_is_only_not_shown() -> None:
    text = "sasl.username: bob\nsasl.password: a${A}\nb: ${B_PASS}\nsasl.mechanism: ${SASL_MECH}"
    found = read(text, {"A": "1", "B_PASS": "2", "SASL_MECH": "PLAIN"})

    assert found.credentials == {"a1", "2"}
    assert found.secrets == {"bob", "a1", "2", "PLAIN"}


def test_a_loaded_file_knows_its_secrets(load_text: Load) -> None:
    file = load_text(LEAST.replace("topic: t", "topic: t, password: '${A}'"), A="hush-hush")

    assert file.redactor.redact("hush-hush") == "***"


def test_secrets_are_known_before_a_file_is_refused(tmp_path: Path) -> None:
    redactor, file = Redactor(), tmp_path / "p.yaml"
    file.write_text(LEAST.replace("topic: t", "topik: t, password: '${A}'"))

    with pytest.raises(PipelineFileError):
        load(file, {"A": "hush-hush"}, redactor)

    assert redactor.redact("hush-hush") == "***"


def test_an_unquoted_password_that_yaml_takes_for_an_alias_is_not_shown(problems: Problems) -> None:
    (problem,) = problems(LEAST.replace("topic: t", "topic: t, password: *hush-hush"))

    assert problem == "2: the file: is not YAML: found undefined alias"


def test_a_variable_that_is_not_set_is_reported_once_at_its_line(problems: Problems) -> None:
    text = LEAST + "metrics:\n  port: ${PORT}\n"
    (problem,) = problems(text)

    assert problem.startswith("6: metrics.port: the environment variable PORT is not set")
    assert problems(text, PORT="99") == []


def test_no_problem_shows_a_secret(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("hush-file")
    text = LEAST.replace(
        "{queue: {brokers",
        "\n  queue:\n    batch: ${BATCH_TOKEN}\n    settings: {sasl.password: {x: hush-plain}}\n"
        f"    password: [hush-list]\n    topics: ${{file:{tmp_path / 's'}}}\n    others: {{brokers",
    ).replace("}}\nevent", "}\nevent")
    text += "combine: ${MY_SECRET}\ndetectors: [{zscore: {half_life: x, pass: ${MY_SECRET}}}]\n"
    text = text.replace("${MY_SECRET}}}", '"${MY_SECRET}"}}')
    found = problems(text, BATCH_TOKEN="hush-batch", MY_SECRET="hush-var")

    assert len(found) >= 5
    assert "hush" not in "\n".join(found)
    assert any("batch: found *** (a secret), expected a whole number" in text for text in found)


@pytest.mark.parametrize("secret", ["ab[hush-hush", "x\"hush'hush\\hush", "hush" * 50, "1e5000001"])
def test_no_problem_shows_a_piece_of_a_secret(problems: Problems, secret: str) -> None:
    text = LEAST.replace("key: k", "key: '${A_TOKEN}'")
    text += "detectors: [{zscore: {half_life: '${A_TOKEN}'}}]\ncombine: '${A_TOKEN}'\n"
    found = "\n".join(problems(text, A_TOKEN=secret))
    pieces = [secret[n : n + 4] for n in range(len(secret) - 3)]

    assert [piece for piece in pieces if piece in found] == []


def test_help_is_not_cut_for_a_word_in_a_secret(problems: Problems) -> None:
    text = LEAST + "metrics: {basic_auth: {user: u, password: 'x${A_TOKEN}'}}"
    (problem,) = problems(text, A_TOKEN="my-file-path")

    assert "expected ${NAME} or ${file:/path} alone" in problem


def test_a_secret_written_in_the_file_itself_is_not_shown(problems: Problems) -> None:
    text = LEAST.replace("topic: t", "topic: t, password: 123456")

    assert problems(text) == [
        "2: source.queue.password: found *** (a secret), expected text: write it in quotes"
    ]
