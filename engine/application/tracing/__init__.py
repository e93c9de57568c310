"""Tracing: a batch's way from poll to sink, as spans that leave over OTLP."""
