"""`pynomaly state`, and state that outlives the pipeline file and the release that wrote it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.old_state import HALF, write
from tests.support.commands import run_command

PYNOMALY = [sys.executable, "-m", "engine.presentation.cli.main"]
OLD_STATE = Path(__file__).parents[1] / "data" / "state-0.1.0.tar.gz"


def pynomaly(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return run_command(*words, folder=folder)


def run(folder: Path) -> str:
    done = pynomaly(folder, "run", "p.yaml", "--log-format", "json")
    assert done.returncode == 0, done.stderr
    return done.stderr


def edit(folder: Path, before: str, after: str) -> None:
    file = folder / "p.yaml"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def scores(folder: Path) -> dict[int, Any]:
    rows = [json.loads(line) for line in (folder / "scores.ndjson").read_text().splitlines()]
    return {row["origin"]["offset"]: row["detectors"] for row in rows}


def anomalies(folder: Path) -> list[int]:
    rows = (folder / "out.ndjson").read_text().splitlines()
    return [json.loads(row)["origin"]["offset"] for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder, 2 * HALF)
    run(folder)
    return folder


@pytest.fixture(scope="module")
def ended_half_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half")
    write(folder, HALF)
    run(folder)
    write(folder, 2 * HALF)
    return folder


@pytest.fixture
def half(tmp_path: Path, ended_half_way: Path) -> Path:
    """A run of this release that ended half way, with the rest of the input at hand."""
    shutil.copytree(ended_half_way, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_state_of_the_first_release_is_refused_with_the_way_on(tmp_path: Path) -> None:
    write(tmp_path, HALF)
    (tmp_path / "state").mkdir(mode=0o700)
    with tarfile.open(OLD_STATE) as archive:
        archive.extractall(tmp_path / "state", filter="data")

    done = pynomaly(tmp_path, "run", "p.yaml")
    inspected = pynomaly(tmp_path, "state", "inspect", "p.yaml")

    for refused in (done, inspected):
        assert refused.returncode == 2
        assert "earlier release" in refused.stderr.splitlines()[-1]
        assert "pynomaly state reset" in refused.stderr

    assert pynomaly(tmp_path, "state", "reset", "p.yaml", "--yes").returncode == 0
    run(tmp_path)


def test_an_archive_of_the_first_release_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HALF)

    done = pynomaly(tmp_path, "state", "import", "p.yaml", OLD_STATE)

    assert done.returncode == 2
    assert "exported by an earlier release" in done.stderr


def test_an_exported_state_goes_on_elsewhere(half: Path, whole: Path, tmp_path: Path) -> None:
    done = pynomaly(half, "state", "export", "p.yaml", "state.tar.gz")

    assert done.returncode == 0, done.stderr
    assert oct((half / "state.tar.gz").stat().st_mode)[-3:] == "600"
    assert "exists already" in pynomaly(half, "state", "export", "p.yaml", "state.tar.gz").stderr
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, 2 * HALF)
    for name in ("out.ndjson", "scores.ndjson"):
        shutil.copy(half / name, elsewhere)
    assert pynomaly(elsewhere, "state", "import", "p.yaml", half / "state.tar.gz").returncode == 0
    again = pynomaly(elsewhere, "state", "import", "p.yaml", half / "state.tar.gz")
    assert again.returncode == 2
    assert "holds state already" in again.stderr
    run(elsewhere)
    # Every bit; only where a batch ends, and so the order of entities, may differ.
    assert scores(elsewhere) == scores(whole)
    assert len((elsewhere / "scores.ndjson").read_text().splitlines()) == 2 * HALF


@pytest.mark.parametrize("how", ["cut", "changed", "none"])
def test_a_damaged_archive_is_refused(half: Path, tmp_path: Path, how: str) -> None:
    archive = tmp_path / "copy.tar.gz"
    pynomaly(half, "state", "export", "p.yaml", archive)
    content = archive.read_bytes()
    middle = len(content) // 2
    archive.write_bytes(
        {
            "cut": content[:middle],
            "changed": content[:middle] + b"\x00\xff\x00\xff" + content[middle + 4 :],
            "none": b"hello",
        }[how]
    )

    assert pynomaly(half, "state", "reset", "p.yaml", "--yes").returncode == 0
    done = pynomaly(half, "state", "import", "p.yaml", archive)
    assert done.returncode == 2
    assert "damaged" in done.stderr
    assert pynomaly(half, "state", "inspect", "p.yaml").stdout.endswith("a run starts afresh\n")


def test_a_reverted_state_is_that_of_then_and_gives_the_same_results(tmp_path: Path) -> None:
    keeping = "state: {keep: 5, keep_every: 1s, "
    write(tmp_path, HALF)
    edit(tmp_path, "state: {", keeping)
    run(tmp_path)
    then = datetime.now(UTC)
    write(tmp_path, 2 * HALF)
    edit(tmp_path, "state: {", keeping)
    run(tmp_path)
    first = scores(tmp_path)

    early = pynomaly(tmp_path, "state", "revert", "p.yaml", "--to", "2020-01-01T00:00Z", "--yes")
    inspected = pynomaly(tmp_path, "state", "inspect", "p.yaml").stdout
    done = pynomaly(tmp_path, "state", "revert", "p.yaml", "--to", then.isoformat(), "--yes")
    run(tmp_path)

    assert early.returncode == 2
    assert "nothing was kept of partition 0 by then" in early.stderr
    assert "checkpoint files from" in inspected
    assert "0 left by killed processes" in inspected
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("partition 0: as of ")
    assert scores(tmp_path) == first
    assert len((tmp_path / "scores.ndjson").read_text().splitlines()) == 2 * HALF


def test_without_kept_checkpoints_there_is_nothing_to_revert_to(half: Path) -> None:
    done = pynomaly(half, "state", "revert", "p.yaml", "--to", "2100-01-01T00:00Z", "--yes")

    assert done.returncode == 2
    assert "set state.keep" in done.stderr


def test_inspect_says_what_is_there(half: Path) -> None:
    output = pynomaly(half, "state", "inspect", "p.yaml").stdout

    assert f"source        0 at {HALF}\n" in output
    assert "entities      5 or more" in output
    assert "nothing changed: all of it is kept" in output
    assert "task files    1, " in output


def test_a_reset_state_is_gone_and_dead_letters_are_not(half: Path) -> None:
    letters = half / "state" / "dead_letters.ndjson"
    letters.write_text("kept\n")
    done = subprocess.run(
        [*PYNOMALY, "state", "reset", "p.yaml"],
        input="n\n",
        text=True,
        cwd=half,
        check=False,
        capture_output=True,
    )

    assert done.returncode == 1
    assert (half / "state" / "tasks").exists()
    assert pynomaly(half, "state", "reset", "p.yaml", "--yes").returncode == 0
    assert {path.name for path in (half / "state").iterdir()} == {"lock", "dead_letters.ndjson"}
    run(half)
    assert len((half / "scores.ndjson").read_text().splitlines()) == 3 * HALF


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("key: sensor", "key: [sensor]", None),
        ("key: sensor", "key: [sensor, ts]", "every entity starts afresh, positions kept"),
        ("zscore]", "{zscore: {half_life: 77}}]", "zscore has other parameters"),
        ("[half_space_trees, zscore]", "[zscore]", "half_space_trees was removed"),
        ("zscore]", "zscore, river.GaussianScorer]", "river.GaussianScorer is new"),
        ("name: old", "name: other", "was called old: state kept, ids of anomalies change"),
        ("p_value: 0.001", "p_value: 0.01", None),
    ],
)
def test_a_changed_file_meets_old_state_by_stated_rules(
    half: Path, before: str, after: str, message: str | None
) -> None:
    edit(half, before, after)
    inspected = pynomaly(half, "state", "inspect", "p.yaml").stdout
    output = run(half)
    if message is None:
        assert "nothing changed" in inspected
        assert "state: " not in output
    else:
        assert message in inspected
        assert message in output
    found = scores(half)

    assert sorted(found) == list(range(2 * HALF))
    # Who starts afresh has no p-value yet; who was kept has one.
    warm = {part["detector"]: part["p_value"] is not None for part in found[HALF]}
    afresh = {name for name in warm if message and (name in message or "every entity" in message)}
    assert {name for name, is_warm in warm.items() if not is_warm} == afresh


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('file: {path: "in.ndjson"}', "stdin: {}", "holds positions in file"),
    ],
)
def test_state_that_cannot_be_taken_up_is_refused_before_the_run(
    half: Path, before: str, after: str, message: str
) -> None:
    edit(half, before, after)
    done = pynomaly(half, "run", "p.yaml")

    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "pynomaly state reset" in done.stderr
    inspected = pynomaly(half, "state", "inspect", "p.yaml")
    assert inspected.returncode == 2
    assert message in inspected.stdout


def test_a_newer_state_is_refused(half: Path) -> None:
    manifests = half / "state" / "checkpoints" / "0.json"
    body = manifests.read_bytes().partition(b"\n")[2].replace(b'"format":2', b'"format":3')
    manifests.write_bytes(blake2b(body, digest_size=16).hexdigest().encode() + b"\n" + body)
    done = pynomaly(half, "run", "p.yaml")

    assert done.returncode == 2
    assert "format 3; this program knows 2" in done.stderr


@pytest.mark.parametrize("folder", ["checkpoints", "tasks"])
def test_a_flipped_bit_is_refused_with_the_name_of_its_file(half: Path, folder: str) -> None:
    (file,) = [path for path in (half / "state" / folder).iterdir() if path.stat().st_size]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    done = pynomaly(half, "run", "p.yaml", "--log-format", "text")

    assert done.returncode == 2
    assert f"stored state in state/{folder}/{file.name} is corrupt" in done.stderr


def test_what_killed_processes_left_behind_is_removed(half: Path) -> None:
    orphan = half / "state" / "tasks" / "0+0123456789abcdef"
    orphan.write_bytes(b"x")
    orphan.chmod(0o600)

    assert "1 left by killed processes" in pynomaly(half, "state", "inspect", "p.yaml").stdout
    run(half)
    assert not orphan.exists()


def test_an_import_that_was_broken_off_is_refused_until_it_is_done_again(half: Path) -> None:
    assert pynomaly(half, "state", "export", "p.yaml", "copy.tar.gz").returncode == 0
    (half / "state" / "importing").touch(mode=0o600)
    shutil.rmtree(half / "state" / "tasks")

    done = pynomaly(half, "run", "p.yaml")
    assert done.returncode == 2
    assert "was broken off" in done.stderr
    assert pynomaly(half, "state", "import", "p.yaml", "copy.tar.gz").returncode == 0
    run(half)
    assert len((half / "scores.ndjson").read_text().splitlines()) == 2 * HALF


@pytest.mark.parametrize("words", [["run"], ["state", "inspect"], ["state", "reset", "--yes"]])
@pytest.mark.parametrize(("place", "mode"), [("state", 0o775), ("state/tasks", 0o777)])
def test_state_that_others_may_write_to_is_refused_in_every_command(
    half: Path, words: list[str], place: str, mode: int
) -> None:
    (half / place).chmod(mode)
    done = pynomaly(half, *words, "p.yaml")

    assert done.returncode == 2
    assert "may be written to by others" in done.stderr


def test_a_second_run_on_the_same_state_is_refused(half: Path) -> None:
    import fcntl

    descriptor = os.open(half / "state" / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for words in (["run"], ["state", "reset", "--yes"], ["state", "export"]):
        extra = ["x.tar.gz"] if words[-1] == "export" else []
        done = pynomaly(half, *words, "p.yaml", *extra)
        assert done.returncode == 2
        assert "in use by another run" in done.stderr
    os.close(descriptor)
