"""The pipeline file, the registry of plug-ins, the dataflow and its processes."""
