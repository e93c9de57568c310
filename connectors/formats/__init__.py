"""Formats of messages, and what files share with them."""
