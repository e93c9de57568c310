"""The use cases of the command line, the Python API and other front ends."""
