"""Versions of the program side by side: staged, tried, watched, confirmed or taken back."""
