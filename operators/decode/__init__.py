"""Decode: messages to events in columns."""
