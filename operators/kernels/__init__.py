"""Kernels of detectors and calibrators: records and compiled functions."""
