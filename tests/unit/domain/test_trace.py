import pickle

import pytest

from engine.domain.trace import MOST_LINKS, Trace, distinct_traces, read_traceparent

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
"""Of the examples in the W3C recommendation."""
TRACE = Trace(TRACE_ID, SPAN_ID)


def test_sampled_context_survives_a_round_trip() -> None:
    header = f"00-{TRACE_ID}-{SPAN_ID}-01".encode()

    assert read_traceparent(header) == TRACE
    assert TRACE.traceparent == header


@pytest.mark.parametrize("flags", ["01", "03", "ff"])
def test_only_the_lowest_flag_means_sampled(flags: str) -> None:
    assert read_traceparent(f"00-{TRACE_ID}-{SPAN_ID}-{flags}".encode()) == TRACE


def test_reads_headers_of_later_versions() -> None:
    assert read_traceparent(f"01-{TRACE_ID}-{SPAN_ID}-01-what".encode()) == TRACE
    assert read_traceparent(f"cc-{TRACE_ID}-{SPAN_ID}-01".encode()) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        f"00-{TRACE_ID}-{SPAN_ID}-00",
        f"00-{TRACE_ID}-{SPAN_ID}-02",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-01-what",
        f"01-{TRACE_ID}-{SPAN_ID}-01what",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID}-{SPAN_ID}-01\n",
    ],
)
def test_invalid_or_unsampled_context_is_none(header: str) -> None:
    assert read_traceparent(header.encode()) is None


def test_distinct_traces_keep_their_order() -> None:
    other = Trace(TRACE_ID, "1" * 16)

    assert distinct_traces([None, TRACE, None, other, TRACE]) == [TRACE, other]
    assert distinct_traces([None, None]) == []


def test_keeps_one_parent_and_a_limited_number_of_links() -> None:
    many = [Trace(TRACE_ID, f"{n:016x}") for n in range(1, 100)]
    reading = iter(many)

    assert distinct_traces(reading) == many[: 1 + MOST_LINKS]
    assert next(reading) == many[1 + MOST_LINKS], "no more than that is looked at"


def test_trace_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(TRACE)) == TRACE
