from engine.application.demo.evaluation import Alarm, judge
from engine.application.demo.fleet import SETTLING, STEP_NS, Fleet

FLEET = Fleet(sensors=8, minutes=1500, learning=1200, faults=4)


def alarm(sensor: int, minute: int) -> Alarm:
    return Alarm(FLEET.name(sensor), FLEET.start + minute * STEP_NS)


def test_silence_finds_nothing_and_costs_nothing() -> None:
    verdict = judge(FLEET, [], 2)
    assert (verdict.recall, verdict.false_alarms, len(verdict.missed)) == (0.0, 0, 4)


def test_one_alarm_within_each_fault_finds_them_all() -> None:
    alarms = [alarm(fault.sensor, fault.stop - 1) for fault in FLEET.injected()]
    verdict = judge(FLEET, alarms, 2)
    assert verdict.recall == 1.0
    assert verdict.during_faults == 4
    assert sum(found for found, _ in verdict.by_kind().values()) == 4


def test_an_alarm_just_after_a_fault_neither_finds_it_nor_is_false() -> None:
    fault = FLEET.injected()[0]
    verdict = judge(FLEET, [alarm(fault.sensor, fault.stop)], 2)
    assert (len(verdict.found), verdict.false_alarms, verdict.during_faults) == (0, 0, 1)


def test_alarms_before_or_long_after_or_elsewhere_are_false() -> None:
    fault = FLEET.injected()[0]
    healthy = next(s for s in range(8) if s not in {f.sensor for f in FLEET.injected()})
    alarms = [
        alarm(fault.sensor, fault.start - 1),
        alarm(fault.sensor, fault.stop + SETTLING),
        alarm(healthy, fault.start),
    ]
    verdict = judge(FLEET, alarms, 2)
    assert (verdict.false_alarms, verdict.during_faults) == (3, 0)


def test_the_budget_covers_all_sensors_for_the_whole_time() -> None:
    assert judge(FLEET, [], 2).budget == 2 * 8 * 1500 / 1440
