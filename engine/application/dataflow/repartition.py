"""The dataflow of a process that re-keys: messages go as they are, keyed by their entities."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.build import ANY_ORIGIN, Flow, decode_items, sink_outputs
from engine.application.dataflow.checkpoints import Checkpoints
from engine.application.dataflow.delivery import Delivery, Output
from engine.application.dataflow.failure import Failure
from engine.application.dataflow.sink import DeliveryPart, DeliverySink
from engine.application.dataflow.source import SourceTurns, TaskSource
from engine.application.dataflow.tasks import Tasks
from engine.application.ports import RunContext
from engine.application.telemetry.metrics import Telemetry
from engine.domain.names import DEAD_LETTERS, REPARTITION, role_of

COMMITTED_EVERY = timedelta(milliseconds=100)
"""Until then nobody sees what was re-keyed: it adds to the latency of every event."""


def build_repartition(file: PipelineFile, context: RunContext) -> Flow:
    """Assemble the dataflow that re-keys the messages of a pipeline file's source.

    Its tasks are the partitions of the source; they have no state but their positions.

    Args:
        file: the pipeline file, which asks for it.
        context: of this process.
    """
    chosen = file.event.repartition
    assert chosen is not None
    pipeline = file.pipeline()
    context = replace(context, checkpoint_interval=COMMITTED_EVERY)
    plugin = chosen.plugin(chosen.settings, file.source.settings, context)
    store = plugin.store()
    source = plugin.source()
    failure = Failure()
    rejected = [
        output
        for output in sink_outputs(file, pipeline, context, None)
        if role_of(output.name) == DEAD_LETTERS
    ]
    re_keyed = Output(REPARTITION, list, plugin.sink())
    delivery = Delivery([*rejected, re_keyed], context)
    # Messages are counted by who reads them to detect.
    uncounted = replace(context, telemetry=Telemetry())
    parts, meet = source.source(), ANY_ORIGIN.meet
    tasks = Tasks(source, parts, store, delivery, meet, uncounted, keep=False)
    checkpoints = Checkpoints(tasks, delivery, ANY_ORIGIN.identity, context)
    step = registry.step("repartition")(pipeline, context)

    def turns() -> SourceTurns:
        return SourceTurns(tasks, source.membership, checkpoints, context, failure)

    flow = Dataflow(f"{file.name}-{REPARTITION}")
    stream = op.input("source", flow, TaskSource(turns))
    stream = op.flat_map_batch("re-key", stream, partial(decode_items, failure, step))
    end = DeliverySink(lambda: DeliveryPart(delivery, checkpoints, failure))
    op.output("deliver", stream, end)
    return Flow(flow, source, None, failure)
