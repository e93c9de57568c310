"""The content of a state topic, as commands see it while no instance runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaException, TopicPartition

from connectors.kafka.membership_settings import SOURCE
from connectors.kafka.settings import KafkaStateSettings
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.topic_store import TopicStore
from engine.domain.errors import FatalError
from pynomaly.plugins import RunContext, StoredTask

REQUEST_SECONDS = 10.0


class StoredTopic:
    """The state topic of a pipeline.

    What changes it is one transaction with the offsets of the group, as a checkpoint is; the
    source has to be made before, for it says which group that is.
    """

    def __init__(
        self, settings: KafkaStateSettings, context: RunContext, store: TopicStore
    ) -> None:
        """Prepare it; nothing is connected yet.

        Args:
            settings: of the store.
            context: shared with the source.
            store: reads and writes tasks.
        """
        self._settings = settings
        self._context = context
        self._store = store
        self._admin = admin_client(settings.brokers, settings.settings, store.errors)

    def tasks(self) -> Sequence[str]:
        """Return the names of the tasks that may be stored."""
        chosen = self._settings
        with self._store.errors.asked_once(chosen.brokers):
            found = self._admin.list_topics(timeout=REQUEST_SECONDS).topics
        return [
            str(part)
            for part in sorted(found[chosen.topic].partitions if chosen.topic in found else ())
        ]

    def load(self, task: str) -> StoredTask | None:
        """Return what is stored of a task."""
        return self._store.read_own(task)

    def fill(self, tasks: Iterable[StoredTask]) -> None:
        """Store tasks, all or none.

        Raises:
            FatalError: something is stored already, or an instance runs.
        """
        self.require_stopped()
        if any(map(self._store.holds, self.tasks())):
            raise FatalError(
                f"topic {self._settings.topic} holds state already: `pynomaly state reset` "
                "removes it"
            )
        self._store.prepare()
        known = self.tasks()
        offsets: list[TopicPartition] = []
        for task in tasks:
            if task.task not in known:
                raise FatalError(
                    f"the archive holds partition {task.task}, which topic {self._settings.topic} "
                    "has not: it was made from another source, or one of more partitions"
                )
            offsets += self._store.put(task)
        self._store.commit_alone(offsets)

    def clear(self) -> None:
        """Remove all that is stored; the group keeps its offsets.

        Raises:
            FatalError: an instance runs.
        """
        self.require_stopped()
        tasks = self.tasks()
        self._store.prepare()
        self._store.commit_alone([place for task in tasks for place in self._store.remove(task)])

    def require_stopped(self) -> None:
        """Require that no instance of the pipeline runs.

        Raises:
            FatalError: one does.
        """
        _, group = self._context.shared[SOURCE]
        asked = self._admin.describe_consumer_groups([group], request_timeout=REQUEST_SECONDS)
        try:
            found = asked[group].result(REQUEST_SECONDS)
        except KafkaException as error:
            self._store.errors.report(error.args[0])
            self._store.errors.raise_if_fatal()
            return
        if found.members:
            raise FatalError(
                f"{len(found.members)} members are in the group {group}: stop all instances of "
                "this pipeline first; one that was killed is in it until its session has run out"
            )

    def close(self) -> None:
        """Release all resources."""
        self._store.close()
