"""Anomalies and incidents as alerts of Alertmanager, which routes them to people."""
