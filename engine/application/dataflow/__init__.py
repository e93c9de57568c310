"""The dataflow: the way of an event, from source to sinks, as Bytewax steps keyed by task."""
