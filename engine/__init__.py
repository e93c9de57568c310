"""Pynomaly: real-time streaming anomaly detection."""

__version__ = "0.1.0"
