"""Raw score in, p-value out."""
