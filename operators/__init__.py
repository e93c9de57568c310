"""Bytewax steps and what runs in them."""
