"""Chaos: a pipeline on a real broker is disturbed, and its output compared with one that was not.

`python -m tests.chaos --help`, or `make chaos`. Nothing here knows how the engine works inside: it
writes with a plain producer, reads with a plain consumer, and kills with signals.
"""
