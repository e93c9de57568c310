"""The state directory: what a pipeline keeps between its runs."""
