"""Services that live in one process: what they ask of each other and hear directly never leaves it.

A member's server and direct publisher are bound within the process as well, and members connect there. The
broker, which is another process, is reached as by everyone; so are services outside the group.
"""

import threading

from ..configs.paths import Home
from . import sockets
from .rules import holder_of
from .zap import Doorkeeper


class Group:
    """The members of one process. They share a context, which ends with the last of them.

    Args:
        names: the services of this process. Nobody else may be opened in the group.
    """

    def __init__(self, home: Home, names: frozenset[str]) -> None:
        self.home, self.names = home, names
        self._lock = threading.Lock()
        self._context: sockets.Context | None = None
        self._doorkeeper: Doorkeeper | None = None
        self._members = 0

    def address(self, place: str, owner: str) -> str:
        """Where a place of the service `owner` is within this process; "" when it is not here."""
        return f"inproc://{place}" if owner in self.names else ""

    def vouches_for(self, source: str) -> bool:
        """Whether a message from within this process may name this source."""
        return holder_of(source) in {holder_of(name) for name in self.names}

    def join(self) -> sockets.Context:
        """The context of all members; each must `leave`."""
        with self._lock:
            if self._context is None:
                self._context = sockets.context()
            self._members += 1
            return self._context

    def guard(self) -> None:
        """Have strangers' keys looked at: before a member is bound where strangers can connect."""
        with self._lock:
            assert self._context is not None
            if self._doorkeeper is None:
                self._doorkeeper = Doorkeeper(self._context, self.home)

    def leave(self) -> None:
        """A member has closed its sockets."""
        with self._lock:
            self._members -= 1
            if self._members or self._context is None:
                return
            if self._doorkeeper is not None:
                self._doorkeeper.close()
                self._doorkeeper = None
            self._context.term()
            self._context = None


def alone(home: Home) -> Group:
    """The group of a client that has its process to itself, or shares it with nobody it asks."""
    return Group(home, frozenset())
