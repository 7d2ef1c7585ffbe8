"""Recorded prices; made by build/pack_prices.py."""
