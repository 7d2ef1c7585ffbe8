"""Datagram sockets that have a path. Imports next to nothing."""

import os
import socket


def listen(path: str) -> socket.socket:
    """A socket bound to the path, whatever lay there; the kernel adds each sender's pid where it can.

    Raises:
        OSError: the folder is not there or not ours.
    """
    if os.path.lexists(path):
        os.unlink(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        bound.bind(path)
        if hasattr(socket, "SO_PASSCRED"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    except OSError:
        bound.close()
        raise
    return bound
