"""The frame that every service runs in."""
