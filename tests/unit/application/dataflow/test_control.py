"""Control records in a running pipeline: where they come into force, kills and batch cuts."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import memory
from engine.application.config.load import load
from engine.application.dataflow import checkpoints
from engine.application.dataflow.build import build
from engine.application.live_control import follower
from engine.application.live_control.log_file import ControlLog
from engine.application.live_control.records import ControlRecord, in_force
from engine.application.live_control.task_control import TaskControl, load_control
from engine.application.ports import RunContext
from engine.application.state.memory import MemoryStore
from tests.unit.application.dataflow.test_build import FILE, START, published, stream
from tests.unit.application.dataflow.test_tasks import unique

PARTS, COUNT = 2, 1_000
WHEN = "2026-03-01T00:00:00+00:00"
TEXT = (
    FILE.replace(
        "detectors: [zscore, half_space_trees, {river.GaussianScorer: {window_size: 50}}]",
        "detectors: [zscore]",
    )
    + "alert: POLICY\n"
)

Plan = dict[str, list[tuple[int, int]]]
"""Of each partition: positions, and how many records are in force from there on."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SMALL_BYTES", 0)
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.0)
    memory.messages["in"] = eventful()


def add(log: ControlLog, kind: str, content: dict[str, Any]) -> None:
    if kind == "revoke":
        holding = in_force(log.records)
        if not holding:
            return
        content = {"id": holding[0].id}

    def make(number: int) -> ControlRecord:
        common = {"id": f"{kind}-{number}", "number": number, "who": "me", "when": WHEN}
        common |= {"request": "r-1", "trace": "t-1"}
        return ControlRecord.model_validate({**common, kind: content})

    log.append(make)


class KeepingStore(MemoryStore):
    """A store that has kept earlier states of each task."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, list[Mapping[str, bytes]]] = {}

    def earlier(self, task: str) -> Iterator[Mapping[str, bytes]]:
        """Yield what was kept, the newest first."""
        yield from reversed(self.states.get(task, []))


class Killed(Exception):
    """Stands for a process that is killed."""


class Lives:
    """A pipeline that is killed and started again, while records are written to its log."""

    def __init__(
        self, folder: Path, text: str, batch: int, policy: str = "{p_value: 0.05}"
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.path = folder / "whole.yaml"
        self.path.write_text(text.replace("BATCH", str(batch)).replace("POLICY", policy))
        self.log = ControlLog(folder)
        self.store = KeepingStore()
        self.plan: Plan = defaultdict(list)

    def run(
        self,
        dies_at: int | None,
        after: Callable[[int], None] = lambda _n: None,
        every: timedelta = timedelta(0),
    ) -> None:
        """Run to the end, or until a checkpoint is lost; what was not covered is not published."""
        context = RunContext("whole", state=self.folder, checkpoint_interval=every)
        flow = build(load(self.path), context, self.store)
        save, number, covered = self.store.save, 0, self._lengths()

        def counting(given: Any, outputs: Any) -> None:
            nonlocal number, covered
            if number == dies_at:
                raise Killed
            save(given, outputs)
            for each in given:
                self._note(each)
            number, covered = number + 1, self._lengths()
            after(number)

        self.store.save = counting  # type: ignore[method-assign, assignment]
        with contextlib.suppress(Killed):
            flow.run()
        self.store.save = save  # type: ignore[method-assign]
        for name, length in covered.items():
            del memory.records[name][length:]
        for name in set(memory.records) - set(covered):
            memory.records[name].clear()

    def _note(self, checkpoint: Any) -> None:
        blob = (checkpoint.snapshot or {}).get("control")
        if blob is not None:
            self.plan[checkpoint.task].append((checkpoint.position, load_control(blob).count))

    @staticmethod
    def _lengths() -> dict[str, int]:
        return {name: len(records) for name, records in memory.records.items()}


class Planned(follower.ControlFollower):
    """Lets records come into force at given positions."""

    def __init__(self, log: ControlLog, plan: Plan) -> None:
        super().__init__(log, RunContext("whole"))
        log.read()
        self._records, self._plan, self._id = log.records, plan, log.id

    def look(self) -> None:
        """Nothing is read."""

    def take(self, task: str, own: TaskControl, position: Any) -> Any:
        due = [count for at, count in self._plan.get(task, ()) if at <= position]
        if not due or max(due) == own.count:
            return None
        return own.take(self._id, max(due), self._records[: max(due)], position)


moments = st.integers(0, COUNT).map(
    lambda n: datetime.fromtimestamp(START + 60 * n, UTC).isoformat()
)
patterns = st.sampled_from([["*"], ["0-*"], ["1-3", "0-1"], ["?-[24]"]])
spans = st.tuples(moments, moments).map(sorted).filter(lambda both: both[0] < both[1])
standing = st.builds(
    lambda entities, span: {"entities": entities, "from": span[0], "until": span[1]},
    patterns,
    spans,
)
judgements = st.fixed_dictionaries(
    {
        "verdict": st.sampled_from(["false_alarm", "true_alarm"]),
        "anomaly": st.just("abc"),
        "entities": patterns,
        "entity": st.sampled_from(["0-1", "1-3"]),
        "kind": st.just("outlier"),
        "value": st.sampled_from(["v", "w"]),
        "direction": st.sampled_from(["above", "below"]),
        "time_ns": st.integers(0, COUNT).map(lambda n: (START + 60 * n) * 10**9),
        "evidence": st.floats(0, 2),
        "until_ns": st.none() | st.integers(0, COUNT).map(lambda n: (START + 60 * n) * 10**9),
    }
)
rules = st.fixed_dictionaries(
    {
        "entities": patterns,
        "values": st.sampled_from([[], ["v"], ["w"]]),
        "direction": st.sampled_from(["above", "below", "both"]),
        "min_deviation": st.sampled_from([None, {"relative": 0.1}, {"absolute": 3}]),
        "valid_range": st.sampled_from([None, [None, 11], [8, None]]),
    }
)
records: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    st.tuples(
        st.just("silence"),
        st.builds(lambda one, more: {**one, **more}, standing, st.fixed_dictionaries(
            {"publish": st.booleans(), "learn": st.booleans()}
        )),
    ),
    st.tuples(st.just("pause"), standing),
    st.tuples(st.just("feedback"), judgements),
    st.tuples(st.just("rule"), rules),
    st.tuples(st.just("budget"), st.fixed_dictionaries(
        {"budget": st.sampled_from(["2/day", "900/day"]), "per": st.sampled_from(["entity", None])}
    )),
    st.tuples(st.just("reset"), patterns.map(lambda some: {"entities": some})),
    st.tuples(st.just("forget"), standing),
    st.tuples(st.just("revoke"), st.just({})),
)  # fmt: skip


def store_whole(monkeypatch: pytest.MonkeyPatch, wholes: list[bool]) -> None:
    """Say which checkpoints are whole, in turn; otherwise time says it."""
    turns = cycle(wholes)

    def worth(_self: Any, reader: Any, *, final: bool) -> bool:
        return final or not reader.task.snapshots or next(turns)

    monkeypatch.setattr(checkpoints.Checkpoints, "_worth", worth)


def eventful() -> list[list[bytes | None]]:
    """Return a stream with many anomalies at its end, where entities are warm."""
    found = stream(PARTS, COUNT)
    for part in found:
        for n in range(COUNT - 100, COUNT, 3):
            event = orjson.loads(part[n] or b"{}")
            part[n] = orjson.dumps(event | {"v": event["v"] + 5}) if event else None
    return found


def earlier_states(folder: Path, text: str, policy: str) -> dict[str, list[Mapping[str, bytes]]]:
    """Return what a run without records had stored now and then."""
    lives = Lives(folder, text, 100, policy)
    found: dict[str, list[Mapping[str, bytes]]] = defaultdict(list)

    def keep(_number: int) -> None:
        for task, stored in lives.store.kept.items():
            found[task].append(stored.snapshot)

    lives.run(None, keep)
    memory.records.clear()
    return {task: states[::4] for task, states in found.items()}


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    written=st.lists(st.tuples(st.integers(0, 9), records), min_size=1, max_size=6),
    deaths=st.lists(st.integers(0, 5), max_size=3),
    batch=st.integers(40, 400),
    wholes=st.lists(st.booleans(), min_size=1, max_size=5),
    absence=st.sampled_from(["absence: off\n", "absence: {after: 5m}\n", ""]),
    policy=st.sampled_from(["{p_value: 0.05}", "{budget: 300/day, per: entity}", "{fdr: 0.3}"]),
)
def test_records_hold_from_the_same_event_on_through_kills_and_batch_cuts(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    written: list[tuple[int, tuple[str, dict[str, Any]]]],
    deaths: list[int],
    batch: int,
    wholes: list[bool],
    absence: str,
    policy: str,
) -> None:
    store_whole(monkeypatch, wholes)
    folder = tmp_path_factory.mktemp("control")
    memory.records.clear()
    lives = Lives(folder / "one", TEXT + absence, batch, policy)
    lives.store.states = earlier_states(folder / "before", TEXT + absence, policy)
    waiting = sorted(written, key=lambda one: one[0])

    saves = 0

    def write(_number: int) -> None:
        nonlocal saves
        saves += 1
        while waiting and waiting[0][0] <= saves:
            add(lives.log, *waiting.pop(0)[1])

    for death in deaths:
        lives.run(death, write)
    lives.run(None, write)
    disturbed = unique(published())

    memory.records.clear()
    one_by_one = Lives(folder / "two", TEXT + absence, 1, policy)
    one_by_one.store.states = lives.store.states
    planned = Planned(lives.log, lives.plan)
    with monkeypatch.context() as patched:
        patched.setattr("engine.application.dataflow.build.ControlFollower", lambda *_: planned)
        one_by_one.run(None, every=timedelta(hours=1))

    # A source that has ended is closed in each run: closings of incidents come again as they were.
    assert unique(published()) == disturbed


def test_feedback_pays_back_once_however_often_the_pipeline_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On what was found before it: what is found later, of an event that was late, does not count.

    All checkpoints are whole, so that restarts begin behind what the feedback concerns.
    """
    store_whole(monkeypatch, [True])
    found = []
    for name, deaths in (("undisturbed", []), ("killed", [18])):
        lives = Lives(tmp_path / name, TEXT, 60, "{fdr: 0.3}")
        memory.records.clear()
        for part in range(PARTS):
            for n in range(7):
                case: dict[str, Any] = {
                    "entity": f"{part}-{n}",
                    "entities": [f"{part}-{n}"],
                    "kind": "absence",
                }
                case |= {"verdict": "true_alarm", "anomaly": "abc", "value": "v"}
                end = {"evidence": 1, "time_ns": (START + 60 * COUNT) * 10**9}
                add(lives.log, "feedback", {**case, **end, "direction": "above"})
        for death in deaths:
            lives.run(death)
        lives.run(None)
        found.append(unique(published()))

    assert len(found[0]["anomalies"]) > 20
    assert found[1] == found[0]


def test_a_record_comes_into_force_and_is_stored_with_its_position(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lives = Lives(tmp_path / "one", TEXT, 100)
    caplog.set_level("INFO", "pynomaly.control")

    def write(number: int) -> None:
        if number == 3:
            add(lives.log, "silence", {"name": "works", "publish": True, "learn": True})

    memory.records.clear()
    lives.run(None, write)

    for task, kept in lives.store.kept.items():
        ((position, record),) = load_control(kept.snapshot["control"]).standing
        assert 0 < position < COUNT
        assert record.id == "silence-1"
        found = [_document(one) for one in memory.records["anomalies"]]
        own = [one for one in found if one["origin"]["partition"] == int(task)]
        after = [one for one in own if one["origin"]["offset"] >= position]
        before = [one for one in own if one["origin"]["offset"] < position]
        assert after
        assert {one.get("suppressed_by") for one in after} == {"works"}
        assert {one.get("suppressed_by") for one in before} <= {None}
    [applied] = [one for one in caplog.records if "silence-1 by me is applied" in one.message]
    assert "first in partition 0 at" in applied.message
    assert (applied.__dict__["request_id"], applied.__dict__["trace_id"]) == ("r-1", "t-1")


def test_a_record_written_while_the_pipeline_was_down_holds_from_the_next_event_on(
    tmp_path: Path,
) -> None:
    """Whatever the batch in which the replay up to there ends."""
    lives = Lives(tmp_path / "one", TEXT, 50)
    memory.records.clear()
    lives.run(5)
    stopped = {task: kept.position for task, kept in lives.store.kept.items()}
    replayed = {task: kept.snapshot_position for task, kept in lives.store.kept.items()}
    add(lives.log, "silence", {"name": "works", "publish": True, "learn": True})
    lives.path.write_text(TEXT.replace("BATCH", "170").replace("POLICY", "{p_value: 0.05}"))

    lives.run(None)

    assert any(replayed[task] < stopped[task] < COUNT for task in stopped)
    for task, kept in lives.store.kept.items():
        ((position, _),) = load_control(kept.snapshot["control"]).standing
        assert position == stopped[task]
        assert kept.position == COUNT


def test_a_calendar_holds_from_the_first_event_on_and_is_read_from_the_log_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "works.ics"
    begins = datetime.fromtimestamp(START + 50_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    event = f"BEGIN:VEVENT\nUID:a\nDTSTART:{begins}\nDURATION:PT2H\nEND:VEVENT\n"
    path.write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n")
    silence = (
        f"silences: [{{name: works, publish: true, learn: true, calendar: {{path: '{path}'}}}}]\n"
    )
    lives = Lives(tmp_path / "one", TEXT + silence, 100)
    memory.records.clear()

    lives.run(4)
    lives.run(4)
    path.unlink()
    lives.run(None)

    found = [_document(one) for one in memory.records["anomalies"]]
    begin = (START + 50_000) * 10**9
    muted = {one["time_ns"] for one in found if one.get("suppressed_by") == "works"}
    assert muted
    assert muted == {one["time_ns"] for one in found if 0 <= one["time_ns"] - begin < 7_200 * 10**9}
    assert len(muted) < len(found)
    lives.log.read()
    assert [record.kind for record in lives.log.records] == ["calendar"]


def test_a_log_that_cannot_be_read_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lives = Lives(tmp_path / "one", TEXT, 100)
    lives.log.path.write_text("garbage\n")

    lives.run(None)

    assert all(kept.position == COUNT for kept in lives.store.kept.values())
    assert caplog.text.count("is not a control log of this release") == 1


def _document(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(record.value)
    return found
