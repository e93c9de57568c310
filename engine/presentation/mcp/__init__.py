"""Tools for assistants, by the Model Context Protocol: a client of the REST API."""
