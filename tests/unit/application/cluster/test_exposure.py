from __future__ import annotations

import logging

import pytest

from engine.application.cluster.exposure import notices
from engine.application.config.sections import MetricsSpec, TracingSpec
from engine.application.config.substitution import FromOutside
from engine.application.config.url import is_loopback

TLS = {"certificate": "c.pem", "key": "k.pem"}
AUTH = {"user": "u", "password": FromOutside("hush")}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "::1", "[::1]", "::ffff:127.0.0.1"],
)
def test_what_only_this_machine_reaches(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "10.0.0.1", "::", "[::]", "::ffff:10.0.0.1", "pod-0", "localhost.com"]
)
def test_what_others_may_reach(host: str) -> None:
    assert not is_loopback(host)


def test_loopback_is_not_worth_a_word() -> None:
    assert notices(MetricsSpec()) == []
    assert notices(None) == []


@pytest.mark.parametrize(
    ("protection", "level", "message"),
    [
        ({}, logging.INFO, "metrics.basic_auth"),
        ({"tls": TLS}, logging.INFO, "metrics.basic_auth"),
        ({"basic_auth": AUTH}, logging.WARNING, "metrics.tls"),
    ],
)
def test_open_metrics_are_reported(protection: dict[str, object], level: int, message: str) -> None:
    spec = MetricsSpec.model_validate({"host": "0.0.0.0", **protection})
    (notice,) = notices(spec)

    assert notice.level == level
    assert message in notice.text
    assert "hush" not in notice.text


def test_metrics_with_all_protection_need_no_word() -> None:
    spec = MetricsSpec.model_validate({"host": "0.0.0.0", "tls": TLS, "basic_auth": AUTH})

    assert notices(spec) == []


@pytest.mark.parametrize(
    ("endpoint", "messages"),
    [
        ("http://otel.example:4318/v1/traces", ["tracing: http://otel.example:4318: spans and"]),
        ("https://otel.example:4318/v1/traces", []),
        ("http://localhost:4318/v1/traces", []),
        ("http://[::1]:4318/v1/traces", []),
    ],
)
def test_what_leaves_in_the_clear_is_warned_of(endpoint: str, messages: list[str]) -> None:
    found = notices(None, [("tracing", TracingSpec(endpoint=endpoint).risks()), ("source", [])])

    assert [notice.level for notice in found] == [logging.WARNING] * len(messages)
    assert all(notice.text.startswith(text) for notice, text in zip(found, messages, strict=True))
