"""The control plane's values and rules: what is kept of anomalies, and who may do what with it."""
