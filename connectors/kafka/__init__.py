"""Apache Kafka: source, sink and their settings."""
