from __future__ import annotations

from pathlib import Path
from threading import Barrier

import pytest

from engine.domain.batch import RawBatch
from tests.unit.presentation.cli.conftest import Reachable, Run

FILE = """\
name: plant
source: {queue: {brokers: "b:1", topic: TOPIC}}
event: {key: id, values: [cpu, mem]}
sinks: {anomalies: {queue: {topic: SINK}}, dead_letters: {queue: {topic: d}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return _written(tmp_path, "t", "a")


def _written(folder: Path, topic: str, sink: str, text: str = FILE) -> Path:
    file = folder / "p.yaml"
    file.write_text(text.replace("TOPIC", topic).replace("SINK", sink))
    return file


def test_a_valid_file_is_described(
    run: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("validate", file) == 0
    out = capsys.readouterr().out

    assert out.startswith(f"{file}: valid\n")
    assert "values        cpu, mem\n" in out
    assert "1,073,741,824 bytes, about 12 an entity for its detectors\n" in out
    assert "reached" not in out


def test_where_rejects_go_without_a_sink_is_said(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = FILE.replace(", dead_letters: {queue: {topic: d}}", "")

    assert run("validate", _written(tmp_path, "t", "a", text)) == 0
    assert "dead_letters  file .pynomaly/plant/dead_letters.ndjson\n" in capsys.readouterr().out


def test_a_wrong_file_is_one_clean_message(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _written(tmp_path, "t", "a", FILE + "combine: al\n")

    assert run("validate", file) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f'{file}:5: combine: found "al", expected one of any, all, cauchy, weighted. '
        'Did you mean "all"?\n'
    )


def test_connect_reaches_everything_and_shows_the_first_rejects(
    run: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("validate", file, "--connect") == 0
    out = capsys.readouterr().out

    assert "anomalies     reached\n" in out
    assert "dead_letters  reached\n" in out
    assert "messages      2 of 3 sampled decode\n" in out
    assert "  rejected t[0]@1: not_json: it is not JSON\n" in out
    assert "source        reached\n" in out


def test_the_number_of_samples(run: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("validate", file, "--connect", "--samples", "1") == 0
    assert "1 of 1 sampled decode\n" in capsys.readouterr().out


def test_connect_reports_all_that_cannot_be_reached(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("validate", _written(tmp_path, "missing", "missing"), "--connect") == 2
    assert capsys.readouterr().err == (
        'anomalies: there is no topic "missing"\nsource: there is no topic "missing"\n'
    )


def test_a_mapping_that_fits_no_message_is_an_error(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Reachable, "messages", (b"bad",) * 9)

    assert run("validate", file, "--connect") == 2
    captured = capsys.readouterr()
    assert "not one sampled message fits the event mapping" in captured.err
    assert captured.out.count("rejected t[0]") == 5


def test_an_empty_topic_is_no_error(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Reachable, "messages", ())

    assert run("validate", file, "--connect") == 0
    assert "none to sample\n" in capsys.readouterr().out


@pytest.mark.parametrize("messages", [(), (b"good",)])
def test_the_threshold_is_described_once(
    run: Run,
    file: Path,
    messages: tuple[bytes, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Reachable, "messages", messages)

    run("validate", file)
    alone = capsys.readouterr().out
    run("validate", file, "--connect")
    connected = capsys.readouterr().out

    assert alone.count("\nthreshold ") == 1
    assert connected.count("\nthreshold ") == 1


def test_all_are_reached_side_by_side(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both_sinks_and_the_source, check = Barrier(3), Reachable.check

    def wait_for_the_others(self: Reachable, samples: int = 0) -> list[RawBatch]:
        both_sinks_and_the_source.wait(120)
        return check(self, samples)

    monkeypatch.setattr(Reachable, "check", wait_for_the_others)

    code = run("validate", file, "--connect")

    assert code == 0
    assert capsys.readouterr().out.count(" reached\n") == 3
