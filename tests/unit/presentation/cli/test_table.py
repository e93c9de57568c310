"""Tables of the command line."""

from __future__ import annotations

import pytest

from engine.presentation.cli.table import Format, print_rows


def test_a_table_sends_nothing_to_the_terminal_that_it_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {"entity": "\x1b[2Jpump\r\n\u202e1\x07", "summary": "Füllstand 温度"}

    print_rows([row], row, Format.TABLE)

    _, line = capsys.readouterr().out.splitlines()
    assert line.split("  ") == ["?[2Jpump???1?", "Füllstand 温度"]
