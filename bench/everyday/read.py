"""Reading: what is sent of one situation, line by line, beside the faults."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bench.everyday.judge import Outcome, judge
from bench.everyday.message import Message
from bench.everyday.stream import SECOND, Fault, Stream


def lines(stream: Stream, messages: list[Message]) -> Iterator[str]:
    """Yield faults and messages in the order of their times, then what became of the faults."""
    verdict = judge(stream, messages)
    rows: list[tuple[int, int, str]] = []
    for fault in stream.faults:
        rows.append((fault.start, 0, f"{_time(fault.start)}  >>> {_fault(fault, stream)}"))
        if fault.end > fault.start + 1:
            rows.append((fault.end, 2, f"{_time(fault.end)}  <<< {fault.kind} of {fault.entity}"))
    seen: set[tuple[int, str]] = set()
    for message in messages:
        first = (message.entity, message.incident) not in seen
        seen.add((message.entity, message.incident))
        rows.append((message.time, 1, f"{_time(message.time)}  {_message(message, first)}"))
    yield from (text for _, _, text in sorted(rows, key=lambda row: row[:2]))
    yield ""
    yield from (_outcome(outcome, stream) for outcome in verdict.outcomes)
    yield (
        f"{verdict.messages} messages, {verdict.false_messages} of them false; incidents: "
        f"{verdict.true_incidents} true, {verdict.false_incidents} false, in {verdict.days:g} days"
    )


def _time(nanoseconds: int) -> str:
    when = datetime.fromtimestamp(nanoseconds / SECOND, tz=UTC)
    return f"{when:%a %d %b %H:%M:%S}"


def _fault(fault: Fault, stream: Stream) -> str:
    names = ", ".join(stream.names[j] for j in fault.values) or "-"
    return (
        f"{'PLAIN ' if fault.plain else ''}{fault.kind} of entity {fault.entity}, values {names}, "
        f"size {fault.deviations:.3g}"
    )


def _message(message: Message, first: bool) -> str:
    anomaly = message.anomaly
    assert anomaly is not None
    part = anomaly.values[message.blamed]
    shown = "-" if part.value is None else f"{part.value:.6g}"
    expected = "unknown"
    if part.expected_low is not None and part.expected_high is not None:
        expected = f"{part.expected_low:.6g} to {part.expected_high:.6g}"
    mark = "onset" if first else "  ..."
    summary = getattr(anomaly, "summary", "") or ""
    return (
        f"{mark} entity {anomaly.entity:4} {message.kind or '-':13} {part.name}={shown} "
        f"(expected {expected}) {anomaly.severity.value} p={anomaly.p_value:.1e} {summary}"
    )


def _outcome(outcome: Outcome, stream: Stream) -> str:
    text = "NOT FOUND"
    if outcome.found:
        kind = "any" if outcome.any_kind else "never"
        kind = "first" if outcome.first_kind else kind
        text = (
            f"after {outcome.delay:.0f} min, {outcome.messages} messages, strength "
            f"{outcome.strength:.1f}, kind {kind}, blame {outcome.blamed}"
        )
    return f"{_time(outcome.fault.start)}  {_fault(outcome.fault, stream)}: {text}"
