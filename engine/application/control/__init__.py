"""The control plane's use cases, one a file, and the ports that they need."""
