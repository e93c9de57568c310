"""The unit for systemd: what it runs, and how it ends it."""

from __future__ import annotations

from configparser import ConfigParser

import pytest

from engine.application.cluster.supervised import RestartPolicy
from engine.application.exit_code import ExitCode
from tests.unit.deploy.rules import ROOT


@pytest.fixture
def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(ROOT / "deploy" / "systemd" / "pynomaly@.service")
    return parser


def test_a_stopping_unit_has_the_time_to_drain(unit: ConfigParser) -> None:
    assert int(unit["Service"]["TimeoutStopSec"]) > RestartPolicy().drain
    assert unit["Service"]["KillMode"] == "mixed", "the supervisor passes the signal on"


def test_what_trying_again_does_not_cure_is_not_tried_again(unit: ConfigParser) -> None:
    assert unit["Service"]["Restart"] == "on-failure"
    assert int(unit["Service"]["RestartPreventExitStatus"]) == ExitCode.FATAL


def test_it_has_no_rights_and_its_state_is_its_own(unit: ConfigParser) -> None:
    service = unit["Service"]

    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["StateDirectoryMode"] == "0700"
    assert service["ProtectSystem"] == "strict"
