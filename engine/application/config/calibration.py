"""The calibration of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from engine.application.ports import Settings
from engine.domain.pipeline import Calibration


class CalibrationSpec(Settings):
    """How raw scores become p-values that compare across detectors and entities."""

    window: int = Field(default=256, ge=32, le=65_536)
    """Recent scores of an entity that its p-values rest on."""
    learn_anomalies: bool = False
    """Whether scores rarer than anomaly_p_value are learned from."""
    anomaly_p_value: float = Field(default=1e-4, gt=0, lt=1)
    """A rarer score is not learned from."""
    relearn_after: int = Field(default=200, ge=1)
    """So many unlearned scores in a row are the new normal."""

    def calibration(self) -> Calibration:
        """Return the calibration in the domain's words."""
        return Calibration(
            self.window, self.learn_anomalies, self.anomaly_p_value, self.relearn_after
        )
