import numpy as np
import orjson

from engine.application.demo.fleet import KINDS, Fleet

SMALL = Fleet(sensors=8, minutes=1500, learning=1200, faults=6)


def test_same_seed_gives_same_fleet() -> None:
    assert np.array_equal(SMALL.readings(), SMALL.readings())
    assert SMALL.injected() == SMALL.injected()


def test_fault_changes_only_its_sensor() -> None:
    healthy = Fleet(sensors=8, minutes=1500, learning=1200, faults=0).readings()
    changed = (SMALL.readings() != healthy).any(axis=2)
    expected = np.zeros_like(changed)
    for fault in SMALL.injected():
        expected[fault.start : fault.stop, fault.sensor] = True

    work = SMALL.maintenance
    assert work is not None
    expected[work.start : work.stop, work.sensor] = True

    assert np.array_equal(changed, expected)


def test_one_healthy_sensor_stops_sending_for_an_hour() -> None:
    silent = SMALL.absence
    assert silent is not None
    key = SMALL.name(silent.sensor).encode()

    without = [minute for minute, (keys, _) in enumerate(SMALL.messages()) if key not in keys]

    assert without == list(range(silent.start, silent.stop))
    assert SMALL.events == sum(len(values) for _, values in SMALL.messages())
    assert silent.sensor not in {fault.sensor for fault in SMALL.injected()}


def test_where_every_sensor_has_a_fault_none_is_absent_nor_maintained() -> None:
    full = Fleet(sensors=6, minutes=1500, learning=1200, faults=6)

    assert (full.absence, full.maintenance, full.events) == (None, None, 6 * 1500)


def test_faults_start_after_learning_and_cover_every_kind() -> None:
    faults = SMALL.injected()

    assert {fault.kind for fault in faults} == set(KINDS)
    assert len({fault.sensor for fault in faults}) == len(faults)
    assert all(SMALL.learning <= fault.start < fault.stop < SMALL.minutes for fault in faults)


def test_messages_hold_readings_in_order() -> None:
    batches = list(SMALL.messages())

    assert len(batches) == SMALL.minutes
    keys, values = batches[1]
    message = orjson.loads(values[2])
    assert keys[2] == b"press-002"
    assert message["sensor"] == "press-002"
    assert message["ts"] == SMALL.start // 1_000_000 + 60_000
    reading = [message["temperature"], message["vibration"], message["current"]]
    assert np.allclose(reading, SMALL.readings()[1, 2], atol=1e-4)
