"""The metrics pages of pipelines, for service discovery."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.url import host_and_port
from engine.application.control.caller import Caller
from engine.application.control.discover import discovered
from engine.application.control.permissions import Action, require
from engine.application.control.pipeline_directory import PipelineDirectory
from engine.application.control.run_health import ANYWHERE
from engine.application.control.run_pipelines import Runner
from engine.application.control_ports import UnitOfWork
from engine.application.discovery_port import Discovery, Target
from engine.domain.control.errors import ConflictError


def find_targets(
    work: UnitOfWork,
    caller: Caller,
    pipelines: PipelineDirectory,
    runner: Runner,
    discoveries: Sequence[Discovery] = (),
) -> list[Target]:
    """Return the metrics pages of pipelines that the server knows by file, runs, or discovers.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.READ)
    runs = [one.name for one in work.pipelines.newest() if _runs(runner, one.name)]
    found: list[Target] = []
    for name in sorted({*pipelines.names, *runs}):
        try:
            found += _targets(pipelines.open(name))
        except ConflictError:
            # An unreadable file must not hide the others.
            continue
    known = {one.address for one in found}
    return found + [one for one in discovered(discoveries) if one.address not in known]


def _runs(runner: Runner, name: str) -> bool:
    run = runner.get(name)
    return run is not None and not run.is_over


def _targets(file: PipelineFile) -> list[Target]:
    spec = file.metrics
    if spec is None:
        return []
    host = socket.gethostname() if spec.host in ANYWHERE else spec.host
    address = host_and_port(host, spec.port)
    return [Target(address, file.name, "http" if spec.tls is None else "https")]
