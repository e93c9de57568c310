"""Two servers behind nginx on PostgreSQL with a replica and Redis: what is lost is not felt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.failover import ReplicationUnavailableError, is_fit, run
from tests.support.debian_programs import has_apt

pytestmark = pytest.mark.skipif(not has_apt(), reason="nginx comes from a Debian package")


def test_no_acknowledged_write_is_lost_and_reads_go_on(tmp_path: Path) -> None:
    try:
        report = run(2, 21, tmp_path)
    except ReplicationUnavailableError as error:
        pytest.skip(str(error))

    assert is_fit(report), report
