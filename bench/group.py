"""How long a large group takes to share out partitions, on one broker of this machine.

Method: the memberships of many processes, as `state: {kafka: ...}` makes them, join one group at
once, all in this process; then one more joins; then one leaves. A membership releases at once
what it is asked for: what a checkpoint takes is not in it.
`python -m bench.group [MEMBERS [PARTITIONS]]`; `--write` keeps the figures.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.figures import arguments, report
from connectors.kafka.membership import GroupMembership
from connectors.kafka.settings import KafkaSourceSettings
from engine.application.ports import RunContext
from tests.support.kafka_broker import KafkaBroker

PATIENCE = 300.0
QUIET = 10.0
ABOUT = "A large group of memberships on one broker."


def settle(members: Sequence[GroupMembership], partitions: int) -> float:
    """Return the seconds until all partitions have one member each, and all members a share."""
    began = time.perf_counter()
    least = partitions // len(members)
    while True:
        shares = []
        for member in members:
            owned = member.owned()
            if not member.settled():
                member.released(sorted(member._asked))
            shares.append(len(owned))
        if sum(shares) == partitions and min(shares) >= least:
            return round(time.perf_counter() - began, 1)
        if time.perf_counter() - began > PATIENCE:
            raise RuntimeError(f"the group does not settle: {sorted(shares)}")
        time.sleep(0.02)


def run(count: int = 50, partitions: int = 1_000) -> dict[str, float]:
    """Measure, print and return seconds."""
    found: dict[str, float] = {"members": count, "partitions": partitions}
    with KafkaBroker(optimized=True) as broker:
        broker.create_topic("in", partitions)
        wanted = KafkaSourceSettings(
            brokers=broker.bootstrap,
            topic="in",
            settings={"group.protocol": "classic", "session.timeout.ms": 45_000},
        )

        def member(number: int) -> GroupMembership:
            return GroupMembership(wanted, RunContext("group", process=number))

        members = [member(number) for number in range(count)]
        found["all_join_s"] = settle(members, partitions)
        cpu, began = time.process_time(), time.perf_counter()
        time.sleep(QUIET)
        idle = (time.process_time() - cpu) / (time.perf_counter() - began) / count
        found["idle_cpu_share_of_a_member"] = round(idle, 5)
        members.append(member(count))
        found["one_more_joins_s"] = settle(members, partitions)
        members.pop(0).close()
        found["one_leaves_s"] = settle(members, partitions)
        for each in members:
            each.close()
    report("group", ABOUT, found)
    return found


if __name__ == "__main__":
    run(*arguments())
