"""The judge on messages whose verdict is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.everyday.judge import excused, judge
from bench.everyday.message import Message
from bench.everyday.stream import DAY, HOUR, MINUTE, START, Fault, Stream

NOON = START + 4 * DAY + 12 * HOUR
SHIFT = Fault(0, NOON, NOON + 6 * HOUR, "shift", (1,), True, 6.0)
SPIKE = Fault(0, NOON, NOON + 1, "spike", (1,), True, 9.0)


def stream(*faults: Fault) -> Stream:
    """Two entities of three values, an event each ten minutes for ten days."""
    times = np.repeat(START + np.arange(10 * 144) * 10 * MINUTE, 2)
    keys = np.tile(np.array([0, 1], np.int32), len(times) // 2)
    return Stream(keys, times, np.zeros((len(times), 3)), ("a", "b", "c"), faults, 10.0)


def message(
    time: int, entity: int = 0, incident: str = "i", blamed: int = 1, kind: str | None = None
) -> Message:
    return Message(entity, time, incident, 4.0, blamed, kind)


def test_finds_a_fault_from_its_start_until_its_end() -> None:
    verdict = judge(stream(SHIFT), [message(NOON + 30 * MINUTE), message(NOON + 5 * HOUR)])

    (outcome,) = verdict.outcomes

    assert outcome.found
    assert outcome.delay == 30
    assert outcome.messages == 2
    assert (verdict.true_incidents, verdict.false_incidents) == (1, 0)


@pytest.mark.parametrize(
    ("message", "true", "false"),
    [
        (message(NOON - 1), 0, 1),
        (message(NOON + HOUR, entity=1), 0, 1),
        (message(NOON + 6 * HOUR), 0, 0),
        (message(NOON + 12 * HOUR - 1), 0, 0),
        (message(NOON + 12 * HOUR), 0, 1),
    ],
)
def test_other_times_and_entities_do_not_find_a_fault(
    message: Message, true: int, false: int
) -> None:
    verdict = judge(stream(SHIFT), [message])

    assert not verdict.outcomes[0].found
    assert (verdict.true_incidents, verdict.false_incidents) == (true, false)
    assert verdict.false_messages == false


def test_a_spike_may_be_reported_within_its_grace() -> None:
    assert judge(stream(SPIKE), [message(NOON + 15 * MINUTE)]).outcomes[0].found
    assert not judge(stream(SPIKE), [message(NOON + 16 * MINUTE)]).outcomes[0].found


def test_a_message_finds_the_youngest_fault_only() -> None:
    second = Fault(0, NOON + 2 * MINUTE, NOON + 2 * MINUTE + 1, "spike", (1,), True, 9.0)

    verdict = judge(stream(SPIKE, second), [message(NOON + 2 * MINUTE)])

    assert [outcome.found for outcome in verdict.outcomes] == [False, True]


@pytest.mark.parametrize(
    ("kind", "name", "right"),
    [
        ("absence", "cadence", True),
        ("pattern", "season", True),
        ("cadence", "absence", False),
        ("shift", "drift", False),
        ("shift", None, False),
    ],
)
def test_some_kinds_have_two_names(kind: str, name: str | None, right: bool) -> None:
    fault = Fault(0, NOON, NOON + HOUR, kind, (), True)

    assert judge(stream(fault), [message(NOON, kind=name)]).outcomes[0].first_kind is right


def test_an_incident_is_false_only_if_all_of_its_messages_are() -> None:
    messages = [
        message(NOON - HOUR),
        message(NOON + MINUTE),
        message(NOON - DAY, incident="other"),
    ]

    verdict = judge(stream(SHIFT), messages)

    assert (verdict.true_incidents, verdict.false_incidents) == (1, 1)
    assert verdict.false_messages == 2


def test_blame_is_that_of_the_first_message() -> None:
    messages = [message(NOON + MINUTE, blamed=0), message(NOON + 2 * MINUTE, blamed=1)]

    assert judge(stream(SHIFT), messages).outcomes[0].blamed is False
    assert judge(stream(SHIFT), messages[1:]).outcomes[0].blamed is True


def test_nobody_can_be_blamed_wrongly_if_all_values_are_at_fault() -> None:
    fault = Fault(0, NOON, NOON + HOUR, "stuck", (0, 1, 2), True)

    assert judge(stream(fault), [message(NOON)]).outcomes[0].blamed is None


def test_kind_of_first_message_and_of_any() -> None:
    messages = [
        message(NOON + MINUTE, kind="drift"),
        message(NOON + 2 * MINUTE, kind="shift"),
    ]

    outcome = judge(stream(SHIFT), messages).outcomes[0]

    assert (outcome.first_kind, outcome.any_kind) == (False, True)


def test_a_shift_is_a_spike_at_first_but_not_for_good() -> None:
    messages = [message(NOON + MINUTE, kind="spike"), message(NOON + 2 * MINUTE, kind="drift")]

    outcome = judge(stream(SHIFT), messages).outcomes[0]

    assert (outcome.first_kind, outcome.any_kind) == (True, False)


def test_a_fault_may_have_other_names_of_its_own() -> None:
    fault = replace(SHIFT, also=("burst",))

    verdict = judge(stream(fault), [message(NOON + HOUR, kind="burst")])

    assert verdict.outcomes[0].first_kind


def test_faults_of_an_entity_are_counted_in_their_order() -> None:
    later = Fault(0, NOON + DAY, NOON + DAY + 1, "spike", (1,), True)
    other = Fault(1, NOON + 2 * DAY, NOON + 2 * DAY + 1, "spike", (1,), True)

    verdict = judge(stream(SPIKE, later, other), [])

    assert [outcome.order for outcome in verdict.outcomes] == [0, 1, 0]


def test_chance_grows_with_the_false_incidents() -> None:
    messages = [message(START + k * HOUR, incident=str(k)) for k in range(20)]

    quiet, noisy = judge(stream(SHIFT), []), judge(stream(SHIFT), messages)

    assert quiet.outcomes[0].chance == 0
    # 20 false ones in 20 days of an entity: one a day, a fault of a quarter of a day.
    assert noisy.outcomes[0].chance == pytest.approx(1 - np.exp(-0.25))


def test_events_of_a_fault_and_its_recovery_are_excused() -> None:
    events = stream(SHIFT)

    rows = excused(events)

    assert set(events.keys[rows].tolist()) == {0}
    assert events.times[rows].min() == NOON
    assert events.times[rows].max() == NOON + 12 * HOUR - 10 * MINUTE
