"""The web dashboard and management API."""
