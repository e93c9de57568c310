"""Presentation: the command line, reference pages and the REST API."""
