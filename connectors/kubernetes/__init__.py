"""Kubernetes: pipelines that run in its pods."""
