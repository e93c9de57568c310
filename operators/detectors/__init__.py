"""The detectors: one algorithm per file."""
