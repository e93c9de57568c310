"""The page of a process about its entities: one of them, or those nearest to alerting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from engine.application.cluster.metrics_server import ENTITIES
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.live_tasks import BusyError, LiveTasks
from engine.application.entities.document import nearest_document, report_document
from engine.application.entities.known_task import KnownTask, find_reports, require_known
from engine.application.entities.nearest import NearEntity, nearest_entities
from engine.domain.errors import FatalError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ASK_SECONDS = 5.0
"""Time to wait for the dataflow, which answers between two batches."""
DEFAULT_TOP, MOST_TOP = 20, 1_000
BUSY = "the process is starting, or in the midst of a large batch: ask again"
OF_PROCESS = "This page knows the partitions of one process; others have pages of their own"

Document = dict[str, Any]


def entities_page(live: LiveTasks, file: PipelineFile) -> WSGIApplication:
    """Return an application that answers /entities?top=20 and /entities/KEY.

    Args:
        live: the tasks of this process.
        file: the pipeline file.
    """
    answers = _Answers(live, file)

    def page(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            return _text(start, "405 Method Not Allowed", "only GET", ("Allow", "GET"))
        # By the gateway interface, a path is bytes in the form of a text.
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        try:
            if path == ENTITIES:
                found = answers.top(environ.get("QUERY_STRING", ""))
            else:
                found = answers.entity(path.removeprefix(f"{ENTITIES}/"))
        except ValueError as error:
            return _text(start, "400 Bad Request", str(error))
        except FatalError as error:
            return _text(start, "404 Not Found", f"{error}\n{OF_PROCESS}")
        except BusyError:
            return _text(start, "503 Service Unavailable", BUSY, ("Retry-After", "5"))
        start("200 OK", [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [orjson.dumps({"items": found}), b"\n"]

    return page


class _Answers:
    """Asks the dataflow.

    Args:
        live: the tasks of this process.
        file: the pipeline file.
    """

    def __init__(self, live: LiveTasks, file: PipelineFile) -> None:
        self._live = live
        self._pipeline = file.pipeline()
        self._promise = file.alert_promise()

    def entity(self, key: str) -> list[Document]:
        """Return what each task knows of an entity.

        Raises:
            FatalError: none knows it.
            BusyError: the dataflow did not answer in time.
        """
        found = self._live.ask(lambda tasks: find_reports(key, tasks, self._pipeline), ASK_SECONDS)
        return [report_document(one, self._promise) for one in require_known(found)]

    def top(self, query: str) -> list[Document]:
        """Return the entities nearest to alerting.

        Raises:
            ValueError: the query is not as it should be.
            BusyError: the dataflow did not answer in time.
        """
        count = _count(query)

        def nearest(tasks: Sequence[KnownTask]) -> list[NearEntity]:
            return nearest_entities(tasks, self._pipeline.alert, count)

        return [nearest_document(one) for one in self._live.ask(nearest, ASK_SECONDS)]


def _count(query: str) -> int:
    """Return the number of entities that a query asks for.

    Raises:
        ValueError: it is not a number from 1 to MOST_TOP.
    """
    given = parse_qs(query, keep_blank_values=True).get("top", [str(DEFAULT_TOP)])[-1]
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= MOST_TOP):
        raise ValueError(f"top: expected a number from 1 to {MOST_TOP:,}")
    return int(given)


def _text(start: StartResponse, status: str, text: str, *headers: tuple[str, str]) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
    return [f"{text}\n".encode()]
