"""The monitor process: history of health and resources, alerts, alert rules."""
