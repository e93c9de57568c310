"""Hostile requests to a running server: roles x endpoints x mutations."""
