"""The use cases: what the command line, the Python API and other front ends can ask for."""
