"""A server of the control plane, as its clients see it."""
