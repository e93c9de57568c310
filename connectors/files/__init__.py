"""Files and the standard streams."""
