"""The state directory: what a pipeline stores between its runs."""
