"""Everyday situations: what operators see, with planted faults and without."""
