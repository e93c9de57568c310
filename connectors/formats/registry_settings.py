"""How a schema registry is reached, as the pipeline file says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, SecretStr, model_validator

from engine.domain.errors import ConnectorError
from pynomaly.plugins import Settings, is_in_the_clear, public_url

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient


for library in ("httpx", "httpx2"):
    # They would write a line for each request.
    logging.getLogger(library).setLevel(logging.WARNING)


class RegistrySettings(Settings):
    """A schema registry with Confluent's API, such as Confluent's, Apicurio's or Redpanda's."""

    url: str
    """Address, such as https://registry:8081; several are separated by commas."""
    user: str | None = None
    """User of basic auth."""
    password: SecretStr | None = None
    """Password of the user: ${NAME} or ${file:/path}."""
    token: SecretStr | None = None
    """A bearer token: ${NAME} or ${file:/path}."""
    ca: str | None = None
    """PEM file with the authorities that may sign the registry's certificate; else the usual."""
    certificate: str | None = None
    """PEM file with a certificate to show to the registry."""
    key: str | None = None
    """PEM file with the certificate's private key."""
    timeout: float = Field(default=10, gt=0, le=60)
    """Seconds that a request may take."""

    @model_validator(mode="after")
    def _credentials_fit(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("expected user and password together")
        if self.user is not None and self.token is not None:
            raise ValueError("expected user and password, or a token")
        if "@" in self.url:
            raise ValueError("expected an address without user and password")
        return self

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        urls = [url for url in map(str.strip, self.url.split(",")) if is_in_the_clear(url)]
        risk = "credentials and schemas are not encrypted; use https"
        return [f"schema registry {public_url(url)}: {risk}" for url in urls]

    def client(self, timeout: float | None = None) -> SchemaRegistryClient:
        """Return a client; nothing is reached before its first use.

        Args:
            timeout: seconds that a request may take; those of the settings unless given.

        Raises:
            ConnectorError: what it takes is not installed.
        """
        try:
            from confluent_kafka.schema_registry import SchemaRegistryClient
        except ImportError as error:
            advice = "pip install 'pynomaly-engine[formats]'"
            raise ConnectorError(f"a schema registry needs {error.name}: {advice}") from None
        seconds = timeout or self.timeout
        config: dict[str, Any] = {"url": self.url, "timeout": seconds, "max.retries": 0}
        if self.user is not None and self.password is not None:
            secret = self.password.get_secret_value()
            config["basic.auth.user.info"] = f"{self.user}:{secret}"
        if self.token is not None:
            config["bearer.auth.credentials.source"] = "STATIC_TOKEN"
            config["bearer.auth.token"] = self.token.get_secret_value()
            config["bearer.auth.logical.cluster"] = "none"
        files = {"ca": self.ca, "certificate": self.certificate, "key": self.key}
        config |= {f"ssl.{name}.location": path for name, path in files.items() if path}
        client = SchemaRegistryClient(config)
        session: Any = client._rest_client.session
        session.request = _bounded(session.request, seconds)
        return client


def _bounded(request: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return a request that ends in time, whatever the registry does.

    httpx bounds each read, and not their sum: a server that sends single bytes would keep
    the stream waiting for ever. The thread ends when the client is closed.

    Raises:
        TimeoutError: it has not ended by then.
    """

    def bounded(*args: Any, **options: Any) -> Any:
        outcome: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

        def run() -> None:
            try:
                outcome.put((request(*args, **options), None))
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                outcome.put((None, error))

        Thread(target=run, name="schema registry", daemon=True).start()
        try:
            answer, error = outcome.get(timeout=seconds)
        except Empty:
            raise TimeoutError(f"no complete answer in {seconds:g} s") from None
        if error is not None:
            raise error
        return answer

    return bounded
