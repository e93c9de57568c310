"""PyOD's detectors."""
