from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import Int64s
from operators.detect.event_clock import VOICES, EventClock
from tests.unit.operators.pipelines import SECOND, START

HOUR = 3_600


def progress(
    slots: Any, seconds: Any, clock: EventClock | None = None, stamped: Any = None
) -> Int64s:
    times = START + (np.asarray(seconds) * SECOND).astype(np.int64)
    stamps = None if stamped is None else START + (np.asarray(stamped) * SECOND).astype(np.int64)
    found = (clock or EventClock()).observe(np.asarray(slots, np.int32), times, stamps)
    whole: Int64s = found.whole // SECOND
    return whole


def turns(n: int, entities: int = 4) -> tuple[Any, Any]:
    """Events of entities in turns, a second apart."""
    return np.arange(n) % entities, np.arange(n)


def with_restart(slots: Any, seconds: Any, at: int, stamped: Any = None) -> Int64s:
    """Return the progress with a restart before an event: slots are assigned afresh then."""
    stamps = seconds if stamped is None else stamped
    clock, again = EventClock(), EventClock()
    first = progress(slots[:at], seconds[:at], clock, stamps[:at])
    used = np.random.default_rng(at).permutation(64).astype(np.int32)
    again.load(clock.dump(used))
    second = progress(used.argsort()[slots[at:]], seconds[at:], again, stamps[at:])
    return np.concatenate((first, second))


def test_it_follows_the_newest_event() -> None:
    assert progress([0, 1, 0, 1], [0, 5, 3, 9]).tolist() == [0, 5, 5, 9]


def test_one_wild_clock_does_not_drag_it() -> None:
    slots, seconds = turns(2_000)
    seconds = np.where(slots == 2, seconds + 24 * HOUR, seconds)

    found = progress(slots, seconds)

    assert found[-1] == 1_999


@pytest.mark.parametrize("gain", [2, 10, 50])
def test_a_clock_that_runs_fast_drags_it_no_further_than_64_events(gain: int) -> None:
    slots, seconds = turns(4_000)
    fast = np.where(slots == 2, seconds + seconds // 4 * gain, seconds)

    found = progress(slots, fast)

    assert found[-1] <= 3_999 + 60 + 22 * (4 + gain)


@pytest.mark.parametrize("wrong", [7, 10])
def test_clocks_of_most_entities_that_are_ahead_of_their_messages_add_nothing(wrong: int) -> None:
    slots, stamped = turns(40_000, entities=10)
    seconds = stamped + np.where((slots < wrong) & (stamped >= 20_000), 3 * HOUR, 0)

    found = progress(slots, seconds, stamped=stamped)

    assert found[-1] == pytest.approx(39_999, abs=60)
    assert np.diff(found).max() <= 60


def test_an_outage_counts_where_messages_show_it() -> None:
    """Their clocks are two hours ahead of those of the messages, as local times are."""
    slots, stamped = turns(2_000)
    stamped = np.where(stamped < 1_000, stamped, stamped + HOUR)

    found = progress(slots, stamped + 2 * HOUR, stamped=stamped)

    assert found[1_002] == HOUR + 1_002
    assert found[-1] == HOUR + 1_999


def test_messages_that_were_copied_together_bound_nothing() -> None:
    slots, seconds = turns(2_000)
    seconds = np.where(seconds < 1_000, seconds, seconds + HOUR)

    found = progress(slots, seconds, stamped=np.full(2_000, 90 * HOUR))

    assert found[-1] == HOUR + 1_999


def test_sensors_read_in_turns_ahead_of_their_messages_are_followed() -> None:
    """Simulated data of a day, sent within a minute."""
    rounds = np.repeat(np.arange(1_500), 20)
    seconds = rounds * 600 + np.tile(np.arange(20) * 0.01, 1_500)

    found = progress(np.tile(np.arange(20), 1_500), seconds, stamped=np.arange(30_000) / 500)

    assert found[-1] - found[-2_001] == 100 * 600


def test_a_device_that_uploads_a_batch_with_a_wild_clock_does_not_drag_it() -> None:
    slots, seconds = turns(1_000)
    wild = 9 * HOUR + np.arange(40)
    slots, seconds = np.r_[slots, np.full(40, 3), slots], np.r_[seconds, wild, 1_000 + seconds]

    found = progress(slots, seconds)

    assert found[-1] == 1_999


def test_an_outage_of_all_is_one_jump() -> None:
    slots, seconds = turns(1_000)

    found = progress(np.r_[slots, slots], np.r_[seconds, seconds + HOUR])

    assert found[1_001] < 1_000
    assert found[1_002] == HOUR + 2
    assert found[-1] == HOUR + 999


@pytest.mark.parametrize("at", [5, 10, 40, 1_003, 1_005, 1_009])
def test_a_restart_while_entities_are_counted_changes_nothing(at: int) -> None:
    slots, seconds = turns(1_000, entities=30)
    slots, seconds = np.r_[slots, slots], np.r_[seconds, seconds + HOUR]

    np.testing.assert_array_equal(with_restart(slots, seconds, at), progress(slots, seconds))


@pytest.mark.parametrize("at", [230, 281])
def test_a_restart_changes_nothing_where_one_entity_goes_ahead_and_back(at: int) -> None:
    slots, seconds = turns(200)
    alone = np.r_[np.arange(200, 270), np.arange(270, 280) + HOUR, np.arange(280, 400)]
    slots, seconds = np.r_[slots, np.full(len(alone), 3)], np.r_[seconds, alone]

    np.testing.assert_array_equal(with_restart(slots, seconds, at), progress(slots, seconds))


def test_the_only_entity_may_jump() -> None:
    found = progress(np.zeros(200, np.int32), np.r_[np.arange(100), HOUR + np.arange(100)])

    assert found[-1] == HOUR + 99


def test_sensors_read_in_turns_far_apart_are_followed() -> None:
    """Twenty sensors, all at once, every ten minutes."""
    rounds = np.repeat(np.arange(50), 20)

    found = progress(np.tile(np.arange(20), 50), rounds * 600 + np.tile(np.arange(20) * 0.01, 50))

    assert found[-1] == 49 * 600
    assert found[20 * 30] == 30 * 600, "once a round is usual, its first event is believed"


def test_events_that_are_far_apart_from_the_first_on_are_followed() -> None:
    slots, _ = turns(200, entities=5)

    found = progress(slots, np.arange(200) * 12 * 60)

    assert found[-1] == 199 * 12 * 60


def test_it_goes_back_where_several_say_that_it_was_wrong() -> None:
    slots, seconds = turns(400)
    wild = np.full(2_000, 3), 30 * HOUR + np.arange(2_000)
    slots = np.r_[slots, wild[0], slots]
    seconds = np.r_[seconds, wild[1], 400 + seconds]

    found = progress(slots, seconds)

    assert found[-1] - found[2_500] == 299, "it goes on with the others"


def test_what_one_has_gathered_does_not_take_it_back() -> None:
    slots, seconds = turns(400)
    gathered = 400 + np.arange(HOUR)
    slots = np.r_[slots, np.full(HOUR, 0), np.full(HOUR, 1), slots]
    seconds = np.r_[seconds, gathered, gathered, 400 + HOUR + seconds]

    found = progress(slots, seconds)

    assert found[-1] == 799 + HOUR


def test_what_a_gateway_of_several_has_gathered_adds_nothing() -> None:
    """Thirty sensors a minute; those of one gateway are away for two hours, and send all then."""
    minutes = np.repeat(np.arange(300), 30)
    slots = np.tile(np.arange(30), 300)
    away = (slots < 10) & (minutes >= 100) & (minutes < 220)
    order = np.argsort(np.where(away, 219.5, minutes), kind="stable")

    found = progress(slots[order], 60 * minutes[order])

    assert found[-1] == 299 * 60


def test_gateways_in_turn_whose_clocks_are_apart_do_not_drive_it() -> None:
    """Each sends a hundred events of ten sensors; the clock of the first is an hour ahead."""
    rounds, within = np.arange(4_000) // 200, np.arange(4_000) % 200
    ahead = within < 100
    seconds = rounds * 100 + within % 100 + np.where(ahead, HOUR, 0)

    found = progress(np.where(ahead, within % 10, 10 + within % 10), seconds)

    assert found[-1] <= 2_000 + HOUR


def test_an_outage_long_after_it_went_back_is_a_jump() -> None:
    slots, seconds = turns(24_000)
    wrong = np.where(seconds < 100, seconds + 30 * HOUR, seconds)
    again = np.where(seconds < 12_000, wrong, seconds + HOUR)

    found = progress(slots, again)

    assert found[-1] - found[11_999] == pytest.approx(HOUR + 12_000, abs=10)


def test_it_goes_back_to_the_only_one_that_is_left() -> None:
    slots, seconds = turns(400)
    wild, alone = 30 * HOUR + np.arange(100), 400 + np.arange(20_000)
    slots = np.r_[slots, np.full(100, 3), np.full(len(alone), 1)]

    found = progress(slots, np.r_[seconds, wild, alone])

    assert found[-1] > found[600] + 9_000


def test_a_pause_of_all_adds_next_to_nothing_to_busy_time_and_is_reported_as_a_jump() -> None:
    slots, seconds = turns(2_000)
    seconds = np.where(seconds < 1_500, seconds, seconds + HOUR)

    found = EventClock().observe(np.asarray(slots, np.int32), START + seconds * SECOND)

    assert found.whole[-1] == (1_999 + HOUR) * SECOND
    assert found.busy[-1] <= (1_999 + 61) * SECOND
    assert [jump // SECOND for jump in found.jumps[found.jumps > 0]] == [HOUR + 3]


def test_rounds_of_many_sensors_are_no_pauses() -> None:
    rounds = np.repeat(np.arange(20), 2_000)

    found = EventClock().observe(
        np.tile(np.arange(2_000, dtype=np.int32), 20), START + rounds * 600 * SECOND
    )

    assert found.whole[-1] == 19 * 600 * SECOND
    assert not found.jumps.any()


@settings(max_examples=200, deadline=None)
@given(
    entities=st.integers(4, 40),
    share=st.floats(0, 1),
    run=st.integers(3, 60),
    ahead=st.sampled_from([600, 3 * HOUR, 20 * HOUR]),
    seed=st.integers(0, 1_000),
)
def test_a_minority_of_wrong_clocks_that_agree_does_not_move_it(
    entities: int, share: float, run: int, ahead: int, seed: int
) -> None:
    """A gateway sends events of its sensors in a row, each time after a minute of all."""
    draw = np.random.default_rng(seed)
    wrong = max(2, round(share * (min(entities, VOICES) // 2)))
    minutes = [np.r_[np.arange(entities), draw.integers(0, wrong, run)] for _ in range(40)]
    slots = np.concatenate(minutes)
    is_wrong = np.tile(np.arange(entities + run) >= entities, 40)
    seconds = np.repeat(np.arange(40) * 60, entities + run)
    warm = np.tile(np.arange(entities), 1_000 // entities)

    found = progress(
        np.r_[warm, slots],
        np.r_[np.arange(len(warm)), len(warm) + seconds + np.where(is_wrong, ahead, 0)],
    )

    assert found[-1] == len(warm) + 39 * 60


@settings(max_examples=50, deadline=None)
@given(entities=st.integers(1, 200), pause=st.integers(1_300, 400_000), seed=st.integers(0, 1_000))
def test_after_a_pause_of_all_it_is_right_within_64_events(
    entities: int, pause: int, seed: int
) -> None:
    """Sensors send at random, one of them much more often than the others."""
    draw = np.random.default_rng(seed)
    slots = np.where(draw.random(3_000) < 0.3, 0, draw.integers(0, entities, 3_000))
    seconds = np.arange(3_000) + np.where(np.arange(3_000) >= 2_000, pause, 0)

    found = progress(slots, seconds)

    assert (found[2_064:] == seconds[2_064:]).all()


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([-9_000, -5, 0, 1, 30, 100, 9_000])),
        min_size=2,
        max_size=400,
    ),
    at=st.integers(1, 399),
    lead=st.sampled_from([0, 0, 7_000, -50_000]),
)
def test_it_never_goes_back_and_no_cut_or_restart_changes_it(
    steps: list[tuple[int, int]], at: int, lead: int
) -> None:
    slots = np.array([slot for slot, _ in steps])
    seconds = np.array([step for _, step in steps]).cumsum()
    stamped = seconds.mean() - lead + np.arange(len(steps))
    whole = progress(slots, seconds, stamped=stamped)

    found = with_restart(slots, seconds, at, stamped)

    assert (np.diff(whole) >= 0).all()
    np.testing.assert_array_equal(found, whole)
