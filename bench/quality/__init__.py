"""Quality: labelled streams through the real steps, and what scorers say of the result."""
