"""The only code that knows ccxt."""
