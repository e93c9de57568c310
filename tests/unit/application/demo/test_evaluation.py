from dataclasses import replace

from engine.application.demo.evaluation import Alarm, evaluate
from engine.application.demo.fleet import SETTLING_MINUTES, STEP_NS, Fleet

FLEET = Fleet(sensors=8, minutes=1500, learning=1200, faults=6)


def alarm(sensor: int, minute: int) -> Alarm:
    return Alarm(FLEET.name(sensor), FLEET.start + minute * STEP_NS)


def test_no_alarms_find_nothing_and_none_is_false() -> None:
    result = evaluate(FLEET, [], 2)

    assert (result.recall, result.false_alarms, len(result.missed)) == (0.0, 0, 6)


def test_one_alarm_within_each_fault_finds_all_faults() -> None:
    alarms = [alarm(fault.sensor, fault.stop - 1) for fault in FLEET.injected()]
    result = evaluate(FLEET, alarms, 2)

    assert result.recall == 1.0
    assert result.during_faults == 6
    assert sum(found for found, _ in result.by_kind().values()) == 6


def test_alarm_just_after_a_fault_is_neither_a_find_nor_false() -> None:
    fault = FLEET.injected()[0]
    result = evaluate(FLEET, [alarm(fault.sensor, fault.stop)], 2)

    assert (len(result.found), result.false_alarms, result.during_faults) == (0, 0, 1)


def test_alarms_outside_of_faults_are_false() -> None:
    fault = FLEET.injected()[0]
    healthy = next(s for s in range(8) if s not in {f.sensor for f in FLEET.injected()})
    alarms = [
        alarm(fault.sensor, fault.start - 1),
        alarm(fault.sensor, fault.stop + SETTLING_MINUTES),
        alarm(healthy, fault.start),
    ]
    result = evaluate(FLEET, alarms, 2)

    assert (result.false_alarms, result.during_faults) == (3, 0)


def test_budget_is_of_all_sensors_and_covers_the_whole_stream() -> None:
    assert evaluate(FLEET, [], 2).budget == 2 * 1500 / 1440


def test_an_absence_of_the_silent_sensor_finds_it_and_is_no_false_alarm() -> None:
    silent = FLEET.absence
    assert silent is not None
    early, other = alarm(silent.sensor, silent.start), alarm(silent.sensor, silent.start + 5)
    absence = replace(other, kind="absence")

    assert evaluate(FLEET, [absence], 2).absent is True
    assert evaluate(FLEET, [early, other], 2).absent is False
    assert evaluate(FLEET, [early, absence], 2).false_alarms == 0


def test_only_what_is_not_muted_is_false_in_the_maintenance_window() -> None:
    work = FLEET.maintenance
    assert work is not None
    heard, after = alarm(work.sensor, work.start), alarm(work.sensor, work.stop)
    result = evaluate(FLEET, [replace(heard, muted=True), heard, after], 2)

    assert (result.muted, result.false_alarms) == (1, 1)
