"""The transaction that the sinks and the state store of a process share, and its id."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.kafka.settings import Value
from connectors.kafka.transaction import Transaction
from pynomaly.plugins import RunContext

INSTANCE = "kafka.instance"
"""Name, in the context, of the id of this process among those that share the pipeline."""


def shared_transaction(
    context: RunContext, brokers: str, settings: Mapping[str, Value], role: str
) -> Transaction:
    """Return the transaction of this process for a cluster: the same one for the same settings.

    Args:
        context: context of this process.
        brokers: bootstrap servers.
        settings: settings of librdkafka, from the pipeline file.
        role: the role of the sink, or "state".
    """
    open_ones: dict[str, Transaction] = context.shared.setdefault("kafka.transactions", {})
    wanted = f"{brokers} {sorted(settings.items())}"
    if wanted not in open_ones:
        suffix = f"-{role}" if open_ones else ""
        own_id = f"{id_prefix(context)}{context.process}{suffix}"
        if instance := context.shared.get(INSTANCE):
            own_id = f"{id_prefix(context)}{instance}{suffix}"
        who = role if role == "state" else f"sink {role}"
        open_ones[wanted] = Transaction(own_id, brokers, settings, context, who)
    return open_ones[wanted]


def id_prefix(context: RunContext) -> str:
    """Return the prefix of all transactional ids of a pipeline."""
    return f"pynomaly-{context.pipeline}-"


def earlier_ids(context: RunContext, own_id: str) -> list[str]:
    """Return the ids of processes of the run before that this run does not have."""
    own = f"{id_prefix(context)}{context.process}"
    suffix = own_id.removeprefix(own)
    gone = range(context.processes, context.earlier_processes)
    # Each process fences its share of them.
    mine = [number for number in gone if number % context.processes == context.process]
    return [f"{id_prefix(context)}{number}{suffix}" for number in mine]
