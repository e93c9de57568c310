"""Webhooks: records as signed HTTP requests."""
