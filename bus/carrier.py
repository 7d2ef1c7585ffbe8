"""What carries frames between one client and the others, whichever face the client has."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any


class Carrier(ABC):
    """What the links of both faces do (links.Link, blocking_links.BlockingLink)."""

    on_frame: Callable[[bytes], None]
    on_request: Callable[[Any, bytes], None]

    @abstractmethod
    def sender(self) -> Callable[[bytes], object]:
        """What sends a frame to all subscribers, without ever blocking; another one after `offer`.

        The caller sees to it that one thread at a time uses it.
        """

    @abstractmethod
    def listen(self, prefix: bytes) -> None:
        """Receive frames that start with `prefix`, to `on_frame`. Counted: as many `ignore` undo it."""

    @abstractmethod
    def ignore(self, prefix: bytes) -> None:
        """Undo one `listen`."""

    @abstractmethod
    def offer(self) -> None:
        """Let subscribers connect straight to this client. The caller sends nothing meanwhile."""

    @abstractmethod
    def listen_directly(self, service: str, prefix: bytes) -> None:
        """As `listen`, from one service that offers it, without the broker."""

    @abstractmethod
    def ignore_directly(self, service: str, prefix: bytes) -> None:
        """Undo one `listen_directly`."""

    @abstractmethod
    def follow(self) -> None:
        """Called now and then: go where the broker is now, if it can move."""

    @abstractmethod
    def bind(self, service: str) -> None:
        """Take requests for `service`, to `on_request(peer, frame)`."""

    @abstractmethod
    def reply(self, peer: Any, frame: bytes) -> None:
        """Answer `peer`, where `on_request` was called; lost when it is gone."""

    @abstractmethod
    def close(self) -> None:
        """Send what is queued, for half a second at most, and close."""
