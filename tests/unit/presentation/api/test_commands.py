"""`pynomaly serve` and `pynomaly audit verify`: what is refused, and what is followed."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.application.config.load import parse
from engine.application.control.first_start import first_start
from engine.application.control.followed import followed_file, followed_sinks
from engine.application.control.pipeline_directory import PipelineDirectory
from engine.domain.control.errors import AuditBrokenError, NotFoundError
from engine.domain.errors import FatalError, PynomalyError
from engine.presentation.cli.audit import verify
from engine.presentation.cli.control_store import open_store
from engine.presentation.cli.serve import DEMO, serve
from engine.presentation.cli.serve_demo import last_monday
from engine.presentation.cli.store import backup, migrate

PIPELINE = """
name: quick
source: {kafka: {brokers: "localhost:9092", topic: readings}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temperature]}
sinks:
  anomalies: SINK
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": "0.0.0.0"}, "--plain-http"),
        ({"retention": "soon"}, "is not a duration"),
        ({"scores": "soon"}, "--scores"),
        ({"database": "mysql://a/b"}, "--database: expected"),
        ({"follow": [Path("gone.yaml")]}, "gone.yaml"),
        ({"oidc": Path("gone.yaml")}, "gone.yaml"),
        ({"audit_sink": Path("gone.yaml")}, "gone.yaml"),
        ({"read_database": "postgresql+psycopg://a@b/c"}, "say both"),
        ({"demo": True, "database": "sqlite://"}, "--demo has a store of its own"),
        ({"demo": True, "cache": "redis://localhost"}, "without --cache"),
        ({"stateless": True}, "--stateless needs --database"),
        ({"stateless": True, "database": "sqlite://"}, "--secret-key-file or"),
        ({"migrate": False}, "is empty: run pynomaly store migrate"),
        ({"proxy": ["*"]}, "--proxy .*: expected an address or a network"),
        ({"cache": "http://localhost"}, "--cache: expected redis://"),
    ],
)
def test_reports_what_cannot_be_served(
    folder: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(PynomalyError, match=message):
        serve(**arguments)


def test_the_demonstration_does_not_advise_an_option_that_it_refuses() -> None:
    with pytest.raises(NotFoundError, match=f"it follows none: {DEMO}"):
        PipelineDirectory(advice=DEMO).open("demo")


def test_the_directory_of_the_store_is_private(folder: Path) -> None:
    directory = folder / "server"
    directory.mkdir(mode=0o755)

    open_store(directory, None).close()

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_store_is_made_and_saved_by_commands(folder: Path) -> None:
    migrate(folder / "server")
    backup(folder / "saved.db", folder / "server")

    with closing(sqlite3.connect(folder / "saved.db")) as saved:
        [[users]] = saved.execute("SELECT count(*) FROM users").fetchall()
    assert users == 0


@pytest.mark.parametrize("here", ["elsewhere", "empty"])
def test_verify_makes_no_store_where_there_is_none(folder: Path, here: str) -> None:
    (folder / "empty").mkdir()

    with pytest.raises(FatalError, match="no store there: name its directory"):
        verify(folder / here)

    assert [path.name for path in folder.rglob("*")] == ["empty"]


def test_verify_names_the_record_that_was_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(folder / "server", None)
    with store.writing() as work:
        first_start(work, 0)
    store.close()
    verify(folder / "server")
    with closing(sqlite3.connect(folder / "server" / "store.db")) as database, database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute("UPDATE audit SET actor = 'eve' WHERE number = 2")

    with pytest.raises(AuditBrokenError, match="record 2 was changed"):
        verify(folder / "server")

    assert capsys.readouterr().out.startswith("2 records are as they were written")


def test_sinks_are_followed_with_the_settings_of_their_connection(folder: Path) -> None:
    kafka = (
        '[{kafka: {brokers: "a:1", topic: found, settings: {security.protocol: ssl, '
        "linger.ms: 9}}}, {file: {path: found.ndjson}}, {stdout: {}}]"
    )

    topic, file = followed_sinks(parse(PIPELINE.replace("SINK", kafka), Path("p.yaml"), {}))

    assert topic.source == "kafka"
    assert topic.settings["settings"] == {"security.protocol": "ssl"}
    assert topic.place == 'kafka ["a:1", "found"]'
    assert file == followed_file(Path("found.ndjson"))


def test_scores_are_followed_if_asked(folder: Path) -> None:
    sinks = "{file: {path: found.ndjson}}\n  scores: {file: {path: scores.ndjson}}"
    file = parse(PIPELINE.replace("SINK", sinks), Path("p.yaml"), {})

    anomalies, scores = followed_sinks(file, scores=True)

    assert (anomalies.scores, scores.scores) == (False, True)
    assert followed_sinks(file) == [anomalies]


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ("{stdout: {}}", "cannot be read back"),
        ("{file: {path: found.ndjson, max_size: 10MiB}}", "without `max_size`"),
    ],
)
def test_sinks_that_cannot_be_followed_are_reported(folder: Path, sink: str, message: str) -> None:
    with pytest.raises(FatalError, match=message):
        followed_sinks(parse(PIPELINE.replace("SINK", sink), Path("p.yaml"), {}))


def test_the_stream_of_the_demonstration_began_on_a_monday() -> None:
    for now in (0, 1_767_571_200_000_000_000, 1_796_000_000_123_456_789):
        found = datetime.fromtimestamp(last_monday(now) // 10**9, UTC)

        assert (found.weekday(), found.hour, found.minute, found.second) == (0, 0, 0, 0)
        assert 0 <= now - last_monday(now) < 7 * 86_400 * 10**9
