"""The bus: the only code that knows ZeroMQ and msgpack."""
