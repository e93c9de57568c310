"""Combine: the p-values of several detectors as one."""
