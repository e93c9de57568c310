"""What a pipeline file may say of Alertmanager."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.alertmanager.settings import AlertmanagerSettings


@pytest.mark.parametrize("label", ["entity", "team-name", "1st", "", "tëam"])
def test_labels_that_an_alert_cannot_have_are_refused(label: str) -> None:
    with pytest.raises(ValidationError):
        AlertmanagerSettings(url="http://localhost:9093", labels={label: "x"})


@pytest.mark.parametrize(
    "url",
    [
        "localhost:9093",
        "http://user:password@localhost",
        "ftp://x",
        "http://host:port",
        "http://a..b",
        "http://" + "x" * 70 + ".example",
    ],
)
def test_urls_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        AlertmanagerSettings(url=url)


def test_a_connection_in_the_clear_is_reported_without_the_path() -> None:
    settings = AlertmanagerSettings(url="http://alerts.example:9093/secret-prefix")

    assert settings.risks() == [
        "http://alerts.example:9093: alerts and headers are not encrypted; use https"
    ]
