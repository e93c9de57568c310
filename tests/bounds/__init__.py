"""Bounds: a pipeline on a real broker is given too much, and its memory is watched.

`python -m tests.bounds --help`; what was found is in bench/README.md. As in `tests.chaos`, nothing
here knows how the engine works inside: memory is read from /proc, and the story from the metrics.
"""
