"""Dead letters in a file: counted by reason, and tried with another mapping."""
