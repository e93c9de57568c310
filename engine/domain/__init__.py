"""Pure values and rules: what a batch, an anomaly and a detector are."""
