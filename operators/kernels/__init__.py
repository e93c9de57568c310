"""The ground under detectors and calibrators: records and compiled kernels."""
