"""A record whose patterns fit no entity says so: a mistyped key mutes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.test_erased import PIPELINE, write
from tests.support.commands import run_command


def test_a_record_says_how_many_known_entities_it_fits(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE)

    def control(*words: str) -> str:
        done = run_command("control", "p.yaml", *words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = control("silence", "--entities", "anna")
    write(tmp_path, 0, 200, "anna", "bert")
    assert run_command("run", "p.yaml", folder=tmp_path).returncode == 0

    assert "fits" not in before
    assert "fits 1 of 2 known entities\n" in control("reset", "--entities", "a*")
    assert "fits" not in control("pause", "--for", "1h")
    mistyped = control("rule", "--high", "90", "--entities", "bert", "--entities", "ana")
    assert "fits 1 of 2 known entities\n" in mistyped
    assert 'note: ana fits no known entity. Did you mean "anna"?\n' in mistyped
