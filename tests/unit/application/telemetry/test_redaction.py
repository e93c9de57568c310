from __future__ import annotations

import json
import sys
from io import StringIO

import pytest

from engine.application.telemetry.redaction import (
    RedactingStream,
    Redactor,
    redacted_output,
)

LONG = 'it\'s "a\\long" sécret\nof two lines'
PIECES = {LONG[n : n + 8] for n in range(len(LONG) - 7)}


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("bad value hush-hush here", "bad value *** here"),
        ("hush-hush", "***"),
        ("hush-hushhush-hush", "***"),
        ("xhush-hushy and hush-hush", "x***y and ***"),
        ("its end ush-hush, its beginning hush-hus…", "its end ***, its beginning ***…"),
        ("seven of it: hush-hu", "seven of it: hush-hu"),
        ("", ""),
    ],
)
def test_redacts_secrets_and_their_parts(text: str, redacted: str) -> None:
    assert Redactor(["hush-hush"]).redact(text) == redacted


def test_redacts_short_secret_only_as_a_whole_word() -> None:
    redacted = Redactor(["PLAIN", "abc"]).redact('SASL_PLAINTEXT, "PLAIN" PLAIN! abc')

    assert redacted == 'SASL_PLAINTEXT, "***" ***! abc'


@pytest.mark.parametrize(
    "quoted", [str, repr, json.dumps, lambda text: json.dumps(text, ensure_ascii=False)]
)
def test_redacts_quoted_secrets(quoted) -> None:
    redacted = Redactor([LONG]).redact(f"found {quoted(LONG)}, and {quoted(LONG)[:25]}…")

    assert redacted.count("***") == 2
    assert not any(piece in redacted for piece in PIECES)


def test_redacts_secrets_added_later() -> None:
    known = Redactor(["hush-hush"])
    known.learn(["0123456789"])

    assert known.redact("hush-hush 0123456789") == "*** ***"


def test_text_without_secrets_is_unchanged() -> None:
    assert Redactor().redact("as it was") == "as it was"
    assert Redactor(["", "a"]).redact("a b") == "a b"


def test_stream_redacts_what_is_written() -> None:
    target = StringIO()
    stream = RedactingStream(target, Redactor(["hush-hush"]))

    assert stream.write("a hush-hush b\n") == len("a hush-hush b\n")
    stream.writelines(["c\n", "hush-hush"])
    assert target.getvalue() == "a *** b\nc\n***"
    assert not stream.isatty()


def test_output_is_redacted_within_the_context_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with redacted_output(Redactor(["hush-hush"])):
        print("out hush-hush")
        print("err hush-hush", file=sys.stderr)
    print("after hush-hush")

    assert capsys.readouterr() == ("out ***\nafter hush-hush\n", "err ***\n")
