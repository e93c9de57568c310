"""Detect: scores and p-values of events, by entity."""
