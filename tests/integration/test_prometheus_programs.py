"""The cache of Debian's programs fills once, whole, and says what is missing."""

from pathlib import Path

import pytest

from tests.support import debian_programs
from tests.support.debian_programs import ProgramUnavailableError, program

# Stands for apt-get: its update needs the folders, its download leaves a package.
APT = """#!/bin/sh
case "$*" in
  *update*) test -d lists/partial;;
  *download*) echo made > prometheus_1_all.deb; echo >> "$COUNTED";;
esac
"""
# Stands for dpkg-deb -x ARCHIVE FOLDER.
DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" && cp "$2" "$3/usr/bin/promtool"
"""


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is alone on PATH with the system's tools, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("mkdir", "cp", "test", "sh"):
        folder.joinpath(name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COUNTED", str(tmp_path / "downloads"))
    monkeypatch.setattr(debian_programs, "program", program.__wrapped__)
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_a_package_is_fetched_once(bin_folder: Path, tmp_path: Path) -> None:
    put(bin_folder, "apt-get", APT)
    put(bin_folder, "dpkg-deb", DPKG)
    first = debian_programs.program("promtool")

    assert Path(first).read_text() == "made\n"
    assert debian_programs.program("promtool") == first
    assert (tmp_path / "downloads").read_text() == "\n"
    assert [path.name for path in (tmp_path / "cache/pynomaly/debian").iterdir()] == ["prometheus"]


def test_what_is_installed_is_used(bin_folder: Path) -> None:
    put(bin_folder, "promtool", "#!/bin/sh\n")

    assert debian_programs.program("promtool") == str(bin_folder / "promtool")


def test_without_apt_it_says_what_to_install(bin_folder: Path) -> None:
    with pytest.raises(ProgramUnavailableError, match="install prometheus-alertmanager"):
        debian_programs.program("amtool")


def test_a_failed_download_leaves_nothing(bin_folder: Path, tmp_path: Path) -> None:
    put(bin_folder, "apt-get", "#!/bin/sh\necho no mirror answers\nexit 100\n")
    put(bin_folder, "dpkg-deb", DPKG)

    with pytest.raises(ProgramUnavailableError, match="no mirror answers"):
        debian_programs.program("promtool")
    assert list((tmp_path / "cache/pynomaly/debian").iterdir()) == []
