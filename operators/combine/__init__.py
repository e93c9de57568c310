"""Combine: one p-value from those of several detectors."""
