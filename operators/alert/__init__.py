"""Alert: which events are anomalies."""
