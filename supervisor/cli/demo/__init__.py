"""The demo: start, watch, sum up, stop."""
