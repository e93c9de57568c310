"""What sinks share: a bounded queue, retries, rejected records, the JSON line."""
