"""The dataflow: events from source to sinks, as Bytewax steps keyed by task."""
