"""River's detectors."""
