"""The management API, version 1."""
