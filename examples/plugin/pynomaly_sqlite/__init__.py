"""A package of plug-ins for Pynomaly, to be copied: a source, a sink and a detector."""
