"""Dead letters that lie in a file: told by reason, and tried with another mapping."""
