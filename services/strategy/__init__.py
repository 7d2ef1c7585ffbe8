"""Runs strategies, each fenced."""
