"""The harness of hosts, short: instances on three hosts share a topic whatever happens to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosts import why_not
from tests.support.wall_clock import why_no_steps

ROOT = Path(__file__).resolve().parents[2]


MISSING = why_not() or why_no_steps()


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "hosts can be made")
@pytest.mark.parametrize(
    ("delivery", "protocol", "kinds"),
    [
        ("exactly_once", "consumer", ["lose_host", "foreign_transaction"]),
        ("at_least_once", "classic", ["freeze_host", "fill_disk"]),
        ("exactly_once", "classic", ["step_clock"]),
    ],
)
def test_hosts_lose_and_change_nothing(
    tmp_path: Path, delivery: str, protocol: str, kinds: list[str]
) -> None:
    words = f"--hosts --disturbances {len(kinds)} --seed 5 --partitions 2 --rate 200 --pauses 0.4"
    # The library that steps a clock is loaded before a command line alone.
    forks = [] if "step_clock" in kinds else ["--forks"]
    chosen = [*forks, "--delivery", delivery, "--protocol", protocol, "--folder", str(tmp_path)]
    # A process of its own: it moves to a network of its own, for good.
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words.split(), *chosen, "--only", *kinds],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout[-4_000:]}\n{done.stderr[-2_000:]}"
