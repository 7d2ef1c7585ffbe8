"""Spawns, watches, limits and restarts the services; the `cryptobot` command."""
