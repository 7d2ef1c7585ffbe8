"""Whom unix sockets may be shared with: only processes of the user whose folder they are in, and root.

A server has the kernel tell it who connects (SO_PEERCRED). A client cannot ask that of ZeroMQ; it looks at
the folder, in which only its owner can make a socket.
"""

import os
import stat
import sys
from pathlib import Path

import zmq

from ..configs.errors import BusError
from ..configs.paths import Home
from . import sockets

_ROOT = 0


def admit_only_us(socket: sockets.Socket) -> None:
    """Have connections of other users refused; before the socket is bound to a unix socket."""
    if sys.platform == "win32" or not hasattr(zmq, "IPC_FILTER_UID"):
        return
    for user in {os.getuid(), _ROOT}:
        socket.setsockopt(zmq.IPC_FILTER_UID, user)


def look_at(home: Home) -> None:
    """Make sure that nobody else can be behind the sockets of a home; makes their folder when it is missing.

    Raises:
        BusError: the folder is not the user's own, or others may write in it.
    """
    if sys.platform == "win32":
        return
    folder = home.sockets
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) and found.st_uid not in _owners(home):
        raise _not_ours(folder, found.st_uid)
    found = folder.stat()
    if found.st_uid not in _owners(home):
        raise _not_ours(folder, found.st_uid)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BusError(
            f"Others may write in {folder} (mode {stat.S_IMODE(found.st_mode):o}), so anyone may answer. "
            f"Stop the platform, `chmod 700 {folder}`, and start it again."
        )


def _owners(home: Home) -> set[int]:
    """Ourselves; for root also the user whose home it is."""
    me = os.getuid()
    return {me, home.root.stat().st_uid} if me == _ROOT and home.root.exists() else {me}


def _not_ours(folder: Path, owner: int) -> BusError:
    return BusError(
        f"{folder} belongs to the user with number {owner}, not to you, so whoever answers there is not your "
        f"platform. Remove it, or choose another home with --home DIR."
    )
