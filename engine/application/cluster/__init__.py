"""The processes of a pipeline: supervisor, workers, health, metrics server."""
