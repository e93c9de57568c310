"""Fuzzing: mutated messages through the decoder and the detectors; all of them accounted for."""
