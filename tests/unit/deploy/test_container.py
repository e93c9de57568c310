"""The image: hadolint's opinion, locks like the project's, and nothing in it by accident.

That it builds and runs is tried by `make image` and `deploy/container/check`.
"""

import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from engine.application.config.sections import MetricsSpec
from tests.unit.deploy.rules import ROOT

FOLDER = ROOT / "deploy" / "container"
DOCKERFILE = FOLDER / "Dockerfile"
PYTHONS = ("3.11", "3.12")


def hadolint(text: str) -> list[str]:
    """Return what hadolint says of a Dockerfile, a line a finding."""
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not program.exists():
        pytest.skip("hadolint is among the development tools on Linux only")
    done = subprocess.run(
        [program, "--no-color", "-"], input=text, capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_hadolint_has_nothing_to_say() -> None:
    assert hadolint(DOCKERFILE.read_text()) == []


def test_hadolint_would_say_it() -> None:
    found = hadolint(DOCKERFILE.read_text().replace("tini=0.19.*", "tini"))

    assert len(found) == 1
    assert "DL3008" in found[0]


def locked(path: Path) -> dict[str, set[str]]:
    """Return the hashes of each line of a lock, by requirement and marker."""
    entries: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=[a-z])", path.read_text()):
        lines = [line for line in block.splitlines() if not line.strip().startswith("#")]
        name = lines[0].removesuffix("\\").strip()
        entries[name] = set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", block))
    return entries


def chosen(path: Path, python: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes of what a lock installs on Linux."""
    environment = {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python if python.count(".") == 2 else f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    found = {}
    for entry, hashes in locked(path).items():
        requirement = Requirement(entry)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert requirement.name not in found, entry
            found[requirement.name] = str(requirement.specifier), frozenset(hashes)
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_the_image_holds_what_the_tests_ran_with(python: str) -> None:
    project, image = (
        chosen(path, python) for path in (ROOT / "requirements.lock", FOLDER / "run.lock")
    )

    assert len(image) > 20
    assert image.items() <= project.items(), "run: make lock"


def test_everything_that_is_installed_has_a_hash() -> None:
    for lock in FOLDER.glob("*.lock"):
        for entry, hashes in locked(lock).items():
            assert "==" in entry
            assert hashes, entry


@pytest.mark.parametrize("python", PYTHONS)
def test_the_core_is_a_part_of_the_image_without_copyleft_but_orjson(python: str) -> None:
    core, image = (chosen(FOLDER / f"{name}.lock", python) for name in ("core", "run"))

    assert core.items() < image.items(), "run: make lock"
    assert not core.keys() & {"psycopg", "psycopg-binary", "certifi"}


def test_every_package_of_the_image_has_a_licence_with_its_text() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "licences.py"], capture_output=True, text=True, check=False
    )

    inside = chosen(FOLDER / "run.lock", platform.python_version())

    assert inside
    assert not inside.keys() & {line.partition(":")[0] for line in done.stderr.splitlines()}
    page = done.stdout.lower().replace("_", "-")
    for name, (version, _) in inside.items():
        assert f"\n{name} {version.removeprefix('==')}\nlicence: " in page


def test_a_package_without_licence_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bare-1.0.dist-info").mkdir()
    (tmp_path / "bare-1.0.dist-info" / "METADATA").write_text("Name: bare\nVersion: 1.0\n")

    done = subprocess.run(
        [sys.executable, "-S", FOLDER / "licences.py"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "bare: no licence is named\nbare: no licence text\n"


def test_no_development_tool_is_in_the_image() -> None:
    inside = chosen(FOLDER / "run.lock", "3.12")

    assert not inside.keys() & {"pytest", "mypy", "ruff", "hatchling", "uv", "pip"}


def instructions(name: str) -> list[str]:
    """Return the arguments of each use of an instruction, with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    return re.findall(rf"^{name} +(.+)$", text, re.MULTILINE)


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    words = [line.split() for line in instructions("COPY") if "--from" not in line]
    copied = {word for line in words for word in line[:-1]}
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()

    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    for name in copied:
        assert (ROOT / name).exists()


def test_it_runs_as_somebody_without_a_name_and_writes_in_two_places() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert instructions("VOLUME") == ["/var/lib/pynomaly"]
    assert "NUMBA_CACHE_DIR=/tmp/" in instructions("ENV")[-1]


def test_the_port_is_the_metrics_page_s() -> None:
    port = MetricsSpec().port

    assert instructions("EXPOSE") == [str(port)]
    assert f"PYNOMALY_HEALTH=http://127.0.0.1:{port}/health/live" in instructions("ENV")[-1]


def test_the_base_image_is_an_argument_in_every_stage() -> None:
    assert [line.split()[0] for line in instructions("FROM")] == ["${BASE}"] * 2


@pytest.mark.parametrize("name", ["build", "check"])
def test_scripts_are_programs_that_a_shell_understands(name: str) -> None:
    path = FOLDER / name

    assert path.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0


@pytest.mark.parametrize("name", ["build", "check"])
def test_scripts_say_what_is_missing(name: str) -> None:
    done = subprocess.run(
        [FOLDER / name, "pynomaly"],
        env={"PATH": "/usr/bin:/bin", "TOOL": "no-such-tool"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "no docker, podman or buildah that works" in done.stderr


@pytest.mark.parametrize("name", ["containers", "kubernetes"])
def test_the_guide_names_only_what_there_is(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    paths = set(re.findall(r"deploy/(?:container|compose|kubernetes)/[\w./-]*\w", text))
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)

    assert len(paths) > 2
    # What a reader is asked to create.
    for path in paths - {"deploy/kubernetes/mine"}:
        assert (ROOT / path).exists(), path
    for link in links:
        assert (ROOT / "docs" / link).exists(), link


def test_the_image_takes_its_notices_licences_and_list_of_packages_along() -> None:
    done = " ".join(instructions("RUN"))

    assert "cp LICENSE NOTICE /opt/pynomaly/" in done
    assert "licences.py > /opt/pynomaly/LICENCES.txt" in done
    assert "-o /opt/pynomaly/sbom.cdx.json" in done


def test_nothing_is_installed_from_an_index_without_its_hash() -> None:
    installs = re.findall(r"\binstall (?=[^&]*(?:-r |\.whl))[^&]*", " ".join(instructions("RUN")))

    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)


def test_the_notice_names_every_package_of_the_image_with_copyleft() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "licences.py"], capture_output=True, text=True, check=False
    )
    notice = (ROOT / "NOTICE").read_text()
    inside = chosen(FOLDER / "run.lock", platform.python_version())

    found = {
        name
        for name, licence in re.findall(r"^(\S+) \S+\n[Ll]icence: (.*)$", done.stdout, re.MULTILINE)
        if re.search("GPL|MPL|EPL|CDDL", licence) and name.lower().replace("_", "-") in inside
    }

    assert {"psycopg", "certifi"} <= found
    assert not {name for name in found if not re.search(rf"\b{re.escape(name)}\b", notice)}


def test_a_change_is_audited_before_it_is_taken() -> None:
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    locks = re.search(r"^audit:.*\n\t(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert "make audit" in steps
    assert locks
    assert {"requirements.lock", "deploy/container/tools.lock"} <= set(locks[1].split())
