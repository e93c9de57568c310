"""Adapters to the world."""
