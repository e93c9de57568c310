"""The control plane's store in SQLite or PostgreSQL."""
