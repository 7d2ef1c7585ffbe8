"""A paper exchange that speaks Binance's spot API."""
