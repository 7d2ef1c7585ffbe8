"""The `cryptobot` command."""
