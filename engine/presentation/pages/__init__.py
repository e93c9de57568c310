"""Markdown pages written from the declarations."""
