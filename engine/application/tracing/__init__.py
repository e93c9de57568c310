"""Tracing: spans of a batch from poll to sink, exported over OTLP."""
