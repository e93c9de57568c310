from __future__ import annotations

import pytest

from engine.application.config.document import read
from engine.application.config.substitution import substitute
from engine.application.config.url import is_url_field, public_url
from engine.application.telemetry.redaction import Redactor


@pytest.mark.parametrize("name", ["url", "URL", "endpoint", "schema.registry.url", "base_uri"])
def test_knows_fields_that_hold_urls(name: str) -> None:
    assert is_url_field(name)


@pytest.mark.parametrize("name", ["curl", "path", "brokers", "urls_seen"])
def test_knows_fields_that_hold_no_urls(name: str) -> None:
    assert not is_url_field(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host.example:8443/services/T0/token?x=y#z", "https://host.example:8443"),
        ("postgresql://u:p%40ss@db:5432/prod", "postgresql://db:5432"),
        ("https://host?token=x", "https://host"),
        ("https://u:p@ss@host/x", "https://host"),
        ("https://u:pa/ss@host/x", "***"),
        ("https://u:12/ss@host/x", "***"),
        ("https://u:pass", "***"),
        ("postgresql://a:1,b:2/db", "postgresql://a:1,b:2"),
        ("http://[::1]:80/x", "http://[::1]:80"),
        ("hunter2", "***"),
        ("https:///path", "***"),
        ("", "***"),
    ],
)
def test_shows_scheme_and_host_alone(url: str, shown: str) -> None:
    assert public_url(url) == shown


@pytest.mark.parametrize(
    ("text", "variables", "hidden"),
    [
        ("${A}", {"A": "https://h.example/services/T0-token"}, ["/services/T0-token"]),
        ("${A}", {"A": "postgresql://u:hunter2@h/db"}, ["hunter2"]),
        ("${A}", {"A": "postgresql://h/db?password=hunter2"}, ["hunter2"]),
        ("${A}", {"A": "https://token-77@h/"}, ["token-77"]),
        ("${A}", {"A": "hunter2-without-a-scheme"}, ["hunter2-without-a-scheme"]),
        ("https://h/${A}/x", {"A": "token-77"}, ["token-77"]),
        ("https://h/?t=${A}&u=${B}", {"A": "token-77", "B": "other-88"}, ["token-77", "other-88"]),
        ("postgresql://u:${A}@h/db", {"A": "hun%40ter2"}, ["hun%40ter2", "hun@ter2"]),
        ("$${B}${A}", {"A": "https://h/token-77"}, ["token-77"]),
    ],
)
def test_references_of_a_url_are_secret(
    text: str, variables: dict[str, str], hidden: list[str]
) -> None:
    found = read(f"sink: {{url: '{text}'}}", variables)

    redactor = Redactor(found.credentials)

    assert [redactor.redact(secret) for secret in hidden] == ["***"] * len(hidden)
    assert ("sink", "url") in found.hidden


def test_scheme_and_host_of_a_url_stay_readable() -> None:
    url = "https://u-secret:p-secret@hooks.example:8443/services/token"

    found = read("url: ${A}", {"A": url})

    line = "https://hooks.example:8443 answered 503"

    assert Redactor(found.credentials).redact(line) == line
    assert found.data == {"url": url}


def test_knows_where_references_stand() -> None:
    found = substitute("a${A}$${x}b${B}c", {"A": "long value", "B": ""})

    assert found.text == "along value${x}bc"
    assert [found.text[begin:end] for begin, end in found.references] == ["long value", ""]


def test_a_url_from_outside_stays_a_text_whatever_it_looks_like() -> None:
    found = read("url: ${A}\nport: ${A}", {"A": "12345"})

    assert found.data == {"url": "12345", "port": 12345}
