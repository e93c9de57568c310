"""Entities: what is known of them, by stored state or by a running process."""
