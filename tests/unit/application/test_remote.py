"""The client: addresses to which it sends no token."""

from __future__ import annotations

import pytest

from engine.application.remote.client import Client
from engine.domain.errors import FatalError, RetryableError
from tests.support.kafka_settings import free_port


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ("pynomaly.example", "expected an address"),
        ("ftp://pynomaly.example", "expected an address"),
        ("https://", "expected an address"),
        ("http://pynomaly.example", "in the clear"),
    ],
)
def test_refuses_addresses_to_which_no_token_may_go(server: str, message: str) -> None:
    with pytest.raises(FatalError, match=message):
        Client(server, "token")


@pytest.mark.parametrize("end", ["", "/", "/api/v1", "/api/v1/"])
def test_a_server_that_is_away_is_a_passing_trouble(end: str) -> None:
    address = f"http://127.0.0.1:{free_port()}"

    with (
        Client(f"{address}{end}", "token") as client,
        pytest.raises(RetryableError, match=f"{address} cannot be reached"),
    ):
        client.pipelines()
