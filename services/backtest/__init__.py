"""Runs a strategy over the past."""
