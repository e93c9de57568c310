"""What servers share in Redis: counts of requests, and news between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from limits.storage import RedisStorage, Storage
from redis import ConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from engine.domain.errors import ConnectorError, RetryableError

SECONDS = 1.0
"""A request never waits for longer: without Redis the server goes on."""
LISTEN_SECONDS = 0.5
PREFIX = "pynomaly"


class RedisCache:
    """The plug-in behind `pynomaly serve --cache`; nothing is reached when it is made.

    Args:
        url: redis://host:6379/0, rediss:// with TLS, or unix:///path.
        password: of Redis.

    Raises:
        ConnectorError: the URL is none, or holds a password.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        wanted = "expected redis://host:6379/0, or rediss:// with TLS"
        try:
            pool = ConnectionPool.from_url(url)
        except ValueError:
            raise ConnectorError(f"--cache: {wanted}") from None
        if pool.connection_kwargs.get("password"):
            raise ConnectorError(
                "--cache: expected a URL without a password: others can read the command line. Set "
                "PYNOMALY_CACHE_PASSWORD"
            )
        pool.connection_kwargs |= {
            "password": password,
            "socket_timeout": SECONDS,
            "socket_connect_timeout": SECONDS,
            # A connection that was closed meanwhile is made again, once.
            "retry": Retry(NoBackoff(), 1),
        }
        self._pool = pool
        self._redis = Redis(connection_pool=pool)
        # Databases of one Redis share their channels.
        self._channel = f"{PREFIX}:{pool.connection_kwargs.get('db') or 0}:news"

    def counts(self) -> Storage:
        """Return the storage of rate limits, which raises StorageError without Redis."""
        return RedisStorage(
            "redis://", self._pool, key_prefix=f"{PREFIX}:limits", wrap_exceptions=True
        )

    def announce(self) -> None:
        """Say to all servers that there is news.

        Raises:
            RetryableError: Redis is unavailable.
        """
        with _retryable_errors():
            self._redis.publish(self._channel, b"")

    def listen(self, reached: Callable[[], None], heard: Callable[[], None], stop: Event) -> None:
        """Listen until it is stopped.

        Args:
            reached: called each time that Redis answers.
            heard: called when a server says that there is news.
            stop: set when it has to end.

        Raises:
            RetryableError: Redis is unavailable.
        """
        with _retryable_errors(), PubSub(self._pool, ignore_subscribe_messages=True) as channel:
            channel.subscribe(self._channel)
            while not stop.is_set():
                message = channel.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    # A host that is gone closes no connection.
                    self._redis.ping()
                    reached()
                else:
                    heard()

    def close(self) -> None:
        """Close all connections."""
        self._pool.disconnect()


@contextmanager
def _retryable_errors() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise RetryableError(f"Redis cannot be used now: {error}") from error
