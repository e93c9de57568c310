"""The machine code of kernels on disk."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.kernels import cache
from operators.kernels.cache import KernelFiles
from operators.kernels.record_bank import kernel


def files(folder: Path, stamp: float = 1.0) -> KernelFiles:
    return KernelFiles(folder, "f", stamp)


def test_processes_that_store_at_once_find_their_own(tmp_path: Path) -> None:
    one, other = files(tmp_path), files(tmp_path)
    one.save("signature", b"code")
    other.save("other signature", b"other code")

    assert one.load("other signature") == b"other code"
    assert other.load("signature") == b"code"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_code_of_an_older_source_is_not_found(tmp_path: Path) -> None:
    files(tmp_path).save("signature", b"code")

    assert files(tmp_path, 2.0).load("signature") is None


def test_a_file_is_believed_only_for_the_key_that_it_names(tmp_path: Path) -> None:
    files(tmp_path).save("signature", b"code")
    files(tmp_path).save("other signature", b"other code")
    one, other = tmp_path.iterdir()
    one.replace(other)
    found = {files(tmp_path).load(key) for key in ("signature", "other signature")}

    assert found == {None}


@pytest.mark.parametrize("end", [0, 1, 10, -1])
def test_a_file_cut_short_is_written_again(tmp_path: Path, end: int) -> None:
    files(tmp_path).save("signature", b"code")
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:end])

    assert files(tmp_path).load("signature") is None
    files(tmp_path).save("signature", b"code")
    assert files(tmp_path).load("signature") == b"code"


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_compiled_again(tmp_path: Path, place: int, bit: int) -> None:
    files(tmp_path).save("signature", b"code" * 50)
    [file] = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= 1 << bit
    file.write_bytes(content)

    assert files(tmp_path).load("signature") is None


def test_a_folder_that_takes_no_file_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    files(folder).save("signature", b"code")

    assert files(folder).load("signature") is None
    assert not folder.exists()


def test_what_is_compiled_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "pynomaly.kernels")
    monkeypatch.setattr(cache, "KernelFiles", lambda _folder, *named: KernelFiles(tmp_path, *named))
    cache.announce_compilation.cache_clear()

    def doubled(number: float) -> float:
        return 2 * number

    compiled = kernel(doubled)
    compiled(1.0)
    compiled(1)
    first = len(caplog.messages)
    kernel(doubled)(1.0)

    assert first == len(caplog.messages) == 1
    assert "up to two minutes" in caplog.text
