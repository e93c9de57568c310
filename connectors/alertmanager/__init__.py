"""Anomalies as alerts of Alertmanager, which routes them to people and says when they are over."""
