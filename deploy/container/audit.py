"""Look every locked package up in an advisory database; say so if none is reachable.

    audit.py LOCK...          exit code 0: nothing known, or nobody to ask; 1: known vulnerabilities

The look-up is pip-audit's: OSV first (`OSV_URL` names another server of its API), then the database
of the Python Package Index. A release with a known vulnerability is asked about first: a mirror
that serves packages without their advisories would find every lock sound.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SECONDS = "15"
"""Most seconds that an answer may take."""
VULNERABLE = "urllib3==1.24.1"
"""A release with advisories since 2019 (PYSEC-2019-132 among others)."""


def main(locks: Sequence[Path]) -> int:
    """Audit locks; return the exit code."""
    failures = []
    for service in services():
        reason = refusal(service)
        if reason:
            failures.append(f"{service[1]}: {reason}")
            continue
        return max(report(lock, service) for lock in locks)
    print("NOT AUDITED: no advisory database is reachable from here")
    print("\n".join(f"  {failure}" for failure in failures))
    return 0


def services() -> list[list[str]]:
    """Return the options of pip-audit for each database, in the order to ask them."""
    url = os.environ.get("OSV_URL")
    return [["-s", "osv", *(["--osv-url", url] if url else [])], ["-s", "pypi"]]


def refusal(service: Sequence[str]) -> str:
    """Say why a database cannot be asked; "" if it knows what is wrong with VULNERABLE."""
    with TemporaryDirectory() as folder:
        question = Path(folder) / "question.txt"
        question.write_text(f"{VULNERABLE}\n")
        packages, error = ask(service, question)
    skipped = "".join(package.get("skip_reason", "") for package in packages)
    if error or skipped:
        return error or skipped
    if not any(package.get("vulns") for package in packages):
        return f"it knows no advisory of {VULNERABLE}: it serves packages without advisories"
    return ""


def report(lock: Path, service: Sequence[str]) -> int:
    """Print what a database knows of a lock's packages; return the exit code."""
    packages, error = ask(service, lock)
    if error:
        print(f"{lock}: the audit broke off: {error}")
        return 1
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    found = [
        f"  {package['name']} {package['version']}: {vulnerability['id']}, "
        f"fixed in {', '.join(vulnerability['fix_versions']) or 'no release yet'}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    print(f"{lock}: {len(packages)} packages, {len(found)} known vulnerabilities ({service[1]})")
    for line in [*found, *(f"  {name}: not in the database" for name in unknown)]:
        print(line)
    return 1 if found else 0


def ask(service: Sequence[str], requirements: Path) -> tuple[list[dict[str, Any]], str]:
    """Return what pip-audit says of each package, and why it could not ask."""
    program = Path(sysconfig.get_path("scripts")) / "pip-audit"
    options = ["--no-deps", "--disable-pip", "-f", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [program, *service, *options, "--timeout", SECONDS, "-r", requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except ValueError:
        return [], done.stderr.strip().rpartition("\n")[2][:200] or "it gave no answer"


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
