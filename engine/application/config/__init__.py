"""The pipeline file: read, checked against what is installed, and turned into a Pipeline."""
