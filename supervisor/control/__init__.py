"""The control socket: server, protocol and client."""
