"""Calibrators: turn raw scores into p-values."""
