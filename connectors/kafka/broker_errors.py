"""Errors of a Kafka client: counted each time, logged once, and once more when they are over."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from confluent_kafka import KafkaError, KafkaException

from engine.domain.errors import ConnectorError, RetryableError

logger = logging.getLogger("pynomaly.kafka")

REFUSED = {
    KafkaError._AUTHENTICATION: "Check security.protocol and sasl.* in `settings`",
    KafkaError.SASL_AUTHENTICATION_FAILED: "Check sasl.* in `settings`",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "Check sasl.mechanism in `settings`",
    KafkaError.ILLEGAL_SASL_STATE: "Check security.protocol in `settings`",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "Allow us READ and DESCRIBE on a topic that is read, WRITE and DESCRIBE on one that is "
        "written"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Allow us READ on the consumer group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "Allow us WRITE and DESCRIBE on transactional ids that begin with `pynomaly-<pipeline>-`"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "Allow us WRITE on the topic (brokers before 2.8: IDEMPOTENT_WRITE on the cluster)"
    ),
    KafkaError.UNSUPPORTED_VERSION: "These brokers are too old for it",
    KafkaError._UNSUPPORTED_FEATURE: "These brokers are too old for it",
    KafkaError.SECURITY_DISABLED: "Check security.protocol in `settings`",
    KafkaError.INVALID_TIMESTAMP: (
        "Set the clock of this machine: message.timestamp.after.max.ms and "
        "message.timestamp.before.max.ms of the topic say how far it may be from the brokers' clock"
    ),
    KafkaError.INVALID_TRANSACTION_TIMEOUT: (
        "Raise the brokers' transaction.max.timeout.ms, or lower `state.checkpoint_interval`"
    ),
}
"""Errors that waiting does not cure, and what does."""
CURES = {
    **REFUSED,
    KafkaError.FENCED_INSTANCE_ID: (
        "Another instance has joined with the same group.instance.id: give each its own"
    ),
}

AWAY = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._SSL,
}
"""Errors of which each may mean that no broker is there; an answer ends the doubt."""

TLS = "Check ssl.* in `settings`, and the certificate of the brokers: its dates and names"
WRONG_PROTOCOL = (
    "Check security.protocol in `settings`: one side speaks TLS or SASL, the other does not"
)
_WRONG_PROTOCOL = re.compile(
    r"PLAINTEXT broker listener\?|SSL listener\?|incorrect security\.protocol|wrong version number"
    r"|closed by peer: receive 0"
)
_HUNG_UP = re.compile(r"closed by peer: receive 0 after POLLIN$")
_NO_NEWS = re.compile(r"is a (consumer|producer) property and will be ignored")
_FAIL = re.compile(r"^\[thrd:[^\]]*\]: ")
_VARIES = re.compile(r" \(after \d+ms in state \w+.*\)$")
_SELDOM_KNOWN = re.compile(r"brokers are down|^Failed to get metadata|^Local: Broker transport")
_MOST_CAUSES = 20
STATISTICS_MS = 10_000
STRANDED_LOOKS = 2
"""A client that has no broker at two looks in a row does not find one again."""
FORGOTTEN = (
    "the client has forgotten all brokers, because one of them, while it started or stopped, named "
    "none"
)
_A_BROKER = re.compile(r'"source": *"(?:learned|configured|internal)"')


Answer = TypeVar("Answer")


def error_kind(error: KafkaError) -> str:
    """Return the name of an error as metrics have it."""
    return error.name().lower().strip("_")


class BrokerErrors:
    """What is wrong between a client and its brokers.

    Also what librdkafka takes for a logger: only its log lines, which come again with
    each attempt, have the cause of a failed connection.

    Args:
        who: such as "source".
        count: called with the name of each error.
        outages: of the context; `who` is in it while no broker answers.

    Attributes:
        fatal_error: an error that waiting does not cure; None while there is none.
        fatal_text: in librdkafka's words, why the client cannot be used any more; "" while it is.
        cause: why the last connection failed, in librdkafka's words; "" while all is well.
        was_reached: whether a broker has answered before.
        tls_failed, wrong_protocol: what kind of cause it is.
    """

    def __init__(
        self, who: str, count: Callable[[str], object], outages: dict[str, str] | None = None
    ) -> None:
        self._who = who
        self._outages = {} if outages is None else outages
        self._count = count
        self._logged: set[str] = set()
        self.fatal_error: KafkaError | None = None
        self.cause = self.fatal_text = ""
        self.was_reached = False
        self.tls_failed = self.wrong_protocol = False
        self._stranded = 0

    def statistics(self) -> dict[str, object]:
        """Return settings of a client that is polled all the time: it is seen when it is stranded.

        librdkafka may forget all brokers, those of `bootstrap.servers` as well, when one answers
        that there is none, as brokers do while they start or stop: the client then never connects
        again (its issue 5301).
        """
        return {"statistics.interval.ms": STATISTICS_MS, "stats_cb": self.look_for_brokers}

    def look_for_brokers(self, statistics: str) -> None:
        """Check by its statistics whether a client knows any broker."""
        self._stranded = 0 if _A_BROKER.search(statistics) else self._stranded + 1

    def log(self, level: int, line_format: str, facility: str, client: str, text: str) -> None:
        """Take in a log line of librdkafka's: attempts to connect are news only once."""
        if _NO_NEWS.search(text) or facility == "TXNERR":
            # Settings are shared by all our clients; what fails in a transaction is raised.
            level = logging.DEBUG
        if facility == "FATAL":
            self.fatal_text = self.fatal_text or _FAIL.sub("", text).removeprefix("Fatal error: ")
        if facility == "FAIL":
            self._explain(_FAIL.sub("", text))
            level = logging.DEBUG
        elif facility == "REQTMOUT" and not self.cause:
            self._explain("connected, but no answer came (is it a Kafka broker, and alive?)")
            level = logging.DEBUG
        logger.log(level, line_format, facility, client, text)

    def served(self, call: Callable[[], Answer], default: Answer) -> Answer:
        """Return what a call answers that may serve callbacks, or a default if the client is dead.

        confluent-kafka raises a fatal error out of such calls as a KafkaError, which is no
        exception class, and lets callbacks run while it is on its way: they fail by chance.
        """
        try:
            return call()
        except KafkaError as error:  # type: ignore[misc]
            self.report(error)
        except (SystemError, AttributeError, TypeError):
            if not self.fatal_text:
                raise
        return default

    def polled(self, call: Callable[[], Answer], default: Answer) -> Answer:
        """Return what a poll or a flush answers, or a default if the client is dead.

        Some fatal errors are exceptions: they are reported as the others are.
        """
        try:
            return self.served(call, default)
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            self.report(error.args[0], retried=False)
            return default

    @contextmanager
    def asked_once(self, brokers: str) -> Iterator[None]:
        """Ask brokers something, in one attempt.

        Raises:
            ConnectorError: no broker answers, or it refuses.
        """
        try:
            yield
        except KafkaException as error:
            self.report(error.args[0])
            self.raise_if_fatal()
            cause = self.cause or error.args[0].str()
            raise ConnectorError(f"{brokers}: {cause}. Is a broker listening there?") from error

    def report(self, error: KafkaError, *, retried: bool = True) -> None:
        """Count an error, and log it unless it was logged since the last recovery.

        Args:
            error: the error.
            retried: whether what failed is tried again.
        """
        name = error_kind(error)
        self._count(name)
        if error.fatal() or error.code() in REFUSED:
            self.fatal_error = error
        text = error.str()
        if error.code() in AWAY:
            self.tls_failed = self.tls_failed or error.code() == KafkaError._SSL
            if _SELDOM_KNOWN.search(text):
                text = self.cause or text
            else:
                self._explain(text)
                text = self.cause
            self._outages[self._who] = text
        self._say(text, retried=retried)

    def forget(self) -> None:
        """Start again: the client that failed is not used any more."""
        self.fatal_error, self.fatal_text = None, ""

    def recovered(self) -> None:
        """Say once that brokers answer again."""
        self._outages.pop(self._who, None)
        self.was_reached = True
        self.cause = ""
        self.tls_failed = self.wrong_protocol = False
        if self._logged:
            self._logged.clear()
            logger.info("%s: the brokers answer again", self._who)

    def raise_if_fatal(self) -> None:
        """Raise what waiting does not cure.

        Raises:
            ConnectorError: authentication or authorisation failed, or the client is broken.
            RetryableError: the client has forgotten its brokers: a new one finds them.
        """
        if self._stranded >= STRANDED_LOOKS:
            raise RetryableError(f"{self._who}: {FORGOTTEN}: a new process reconnects")
        if self.fatal_error is not None:
            text, code = self.fatal_error.str(), self.fatal_error.code()
            self.raise_error(text, CURES.get(code) or _cure(text))
        if self.fatal_text:
            self.raise_error(self.fatal_text, _cure(self.fatal_text))

    def raise_error(self, what: str, cure: str) -> NoReturn:
        """Raise what is wrong for good, with its cure."""
        raise ConnectorError(f"Kafka refuses the {self._who}: {_VARIES.sub('', what)}. {cure}")

    def _explain(self, text: str) -> None:
        text = _VARIES.sub("", text)
        if _HUNG_UP.search(text) and not self.was_reached:
            text += " (does this port speak TLS or SASL? see security.protocol)"
        self.wrong_protocol = not self.was_reached and bool(_WRONG_PROTOCOL.search(text))
        # A second failure of the same kind says less than the first.
        if "certificate" not in self.cause or "certificate" in text:
            self.cause = text
        if self._who in self._outages:
            self._outages[self._who] = self.cause

    def _say(self, text: str, *, retried: bool) -> None:
        text = _VARIES.sub("", text)
        if text not in self._logged and len(self._logged) < _MOST_CAUSES:
            self._logged.add(text)
            is_fatal = self.fatal_error is not None or self.fatal_text
            then = "; retrying" if retried and not is_fatal else ""
            logger.warning("%s: %s%s", self._who, text, then)


def _cure(text: str) -> str:
    """Return what cures the error that a text of librdkafka's names."""
    found = (cure for code, cure in CURES.items() if KafkaError(code).str() in text)
    return next(found, "Start again")
