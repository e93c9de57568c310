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

    assert np.array_equal(changed, expected)


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
