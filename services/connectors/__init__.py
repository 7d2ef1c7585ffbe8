"""The only code that knows ccxt. Start at `registry.open_venue`; `venue.py` has the interface."""
