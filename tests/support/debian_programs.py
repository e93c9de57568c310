"""Programs of Debian packages, unpacked into a cache outside the checkout: no root, no install."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

PROGRAMS = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "redis-server": "redis-tools",
    "nginx": "nginx",
    "kcat": "kcat",
}
"""The packages that hold the programs, by their names in /usr/bin or /usr/sbin."""

BESIDE = {
    "redis-tools": ("redis-server", "libatomic1", "libjemalloc2", "liblzf1"),
    "nginx": ("libpcre2-8-0",),
    "kcat": ("librdkafka1", "libyajl2"),
}
"""Packages that a program needs beside its own: libraries that not every system has."""

COMPILED_IN = {"prometheus-alertmanager": b"/usr/share/prometheus/alertmanager"}
"""Folders that programs open by a path of their own, whatever their options: made relative to the
folder that holds usr/, in which such a program has then to be started."""

_APT_SECONDS = 300
_TAIL = 2000


class ProgramUnavailableError(RuntimeError):
    """A program cannot be had on this machine; the message says why and what to do."""


@cache
def program(name: str) -> str:
    """Return the path of a program: the one on PATH, or the one of its package in the cache.

    The first use fetches the package (10 to 20 MB) with what apt knows of Debian's mirrors; apt's
    own lists and the system are left as they are.

    Raises:
        ProgramUnavailableError: there is no apt here, or it failed.
    """
    installed = shutil.which(name)
    if installed is not None:
        return installed
    package = PROGRAMS[name]
    final = _cache_root() / package
    if not final.is_dir():
        _fill(package, final)
    found = [final / "usr" / folder / name for folder in ("bin", "sbin")]
    return str(next((path for path in found if path.exists()), found[0]))


def with_libraries(path: str) -> list[str]:
    """Return the command that starts a program with the libraries that came beside it."""
    libraries = sorted((Path(path).parents[1] / "lib").glob("*-linux-gnu"))
    if not Path(path).is_relative_to(_cache_root()) or not libraries:
        return [path]
    return ["env", f"LD_LIBRARY_PATH={libraries[0]}", path]


def has_apt() -> bool:
    """Whether this is a system that packages of Debian can be had on."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def _cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pynomaly" / "debian"


def _fill(package: str, final: Path) -> None:
    if not has_apt():
        raise ProgramUnavailableError(f"there is no apt-get here: install {package}")
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=final.parent))
    try:
        packages = (package, *BESIDE.get(package, ()))
        _download(packages, partial / "apt")
        for each in packages:
            [archive] = (partial / "apt").glob(f"{each}_*.deb")
            _run(["dpkg-deb", "-x", str(archive), str(partial / "root")], partial)
        (partial / "root").chmod(0o755)
        _relocate(partial / "root")
        _publish(partial / "root", final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _download(packages: Sequence[str], folder: Path) -> None:
    """Fetch packages into a folder, with lists of apt's own there: the system's may be old."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    options = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        # Apt started by root would read as a user that has no way into root's folders.
        "APT::Sandbox::User": "root",
    }
    apt = [
        "apt-get",
        "-q",
        *(word for item in options.items() for word in ("-o", "=".join(map(str, item)))),
    ]
    _run([*apt, "update"], folder)
    _run([*apt, "download", *packages], folder)


def _relocate(root: Path) -> None:
    for name, path in COMPILED_IN.items():
        file = root / "usr" / "bin" / name
        if file.exists():
            # Of equal length: what comes after it in the program must stay where it is.
            relative = path[1:].replace(b"/", b"//", 1)
            file.write_bytes(file.read_bytes().replace(path, relative))


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_APT_SECONDS,
        )
    except subprocess.TimeoutExpired as expired:
        raise ProgramUnavailableError(
            f"{' '.join(command)} was not done in {_APT_SECONDS} s"
        ) from expired
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-_TAIL:]
        raise ProgramUnavailableError(f"{' '.join(command)} failed:\n{output}")


def _publish(unpacked: Path, final: Path) -> None:
    try:
        unpacked.rename(final)
    except OSError:
        # Another process was faster.
        if not final.is_dir():
            raise
