"""Pynomaly: streaming anomaly detection.

    import pynomaly

    file = pynomaly.load("pipeline.yaml")      # checked; an error names line and field

`pynomaly.plugins` holds what the author of a plug-in needs.
"""

from __future__ import annotations

from engine import __version__
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.domain.errors import PipelineFileError, PynomalyError

__all__ = ["PipelineFile", "PipelineFileError", "PynomalyError", "__version__", "load"]
