"""The dataflow: assembled from a pipeline file, and its source, which is paced and watched."""
