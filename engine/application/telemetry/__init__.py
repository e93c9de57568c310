"""What a process reports: metrics, heartbeat, logs, redaction."""
