"""Imports all that commands of Pynomaly import, for `tests.support.commands`."""

from numba.core.registry import cpu_target

import engine.application.use_cases.run_pipeline
import engine.presentation.api.server
import engine.presentation.cli.main  # noqa: F401
from engine.application import registry
from engine.presentation.cli.lazy_commands import LazyCommands

FOUND = {
    "sources": registry.source,
    "sinks": registry.sink,
    "stores": registry.store,
    "steps": registry.step,
    "formats": registry.format,
    "detectors": registry.detector_family,
}
for group, find in FOUND.items():
    for name in registry.names(group):
        find(name)
COMMANDS = dict(LazyCommands())
# What numba prepares before it loads the first kernel.
cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
