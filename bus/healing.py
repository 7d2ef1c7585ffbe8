"""How missing messages are asked for, and when a receiver stops asking."""

import time

import msgspec

from .contracts.bus import Replay, ReplayChunk
from .flows import Flow

_SEARCH_BACK_NS = 60_000_000_000


def replay_wish(flow: Flow) -> Replay:
    """The request for what is missing now."""
    return Replay(
        source=flow.source,
        topic=flow.topic,
        event=flow.event,
        epoch=flow.epoch,
        first_seq=flow.next,
        last_seq=flow.known,
        after_ns=flow.after_ns if flow.event else time.time_ns() - _SEARCH_BACK_NS,
    )


def wish_after(wish: Replay, chunk: ReplayChunk) -> Replay:
    """The request for what follows a chunk."""
    return msgspec.structs.replace(wish, first_seq=chunk.next_seq)


class Patience:
    """How long one gap is worth: until the bus has said several times that it lacks what is missing."""

    def __init__(self) -> None:
        self._unanswered = 0
        self._absent = 0

    @property
    def pause_s(self) -> float:
        """How long to wait before the next question."""
        return min(0.02 * 2.0 ** min(self._absent + self._unanswered, 6), 1.0)

    def unanswered(self) -> None:
        """The bus did not answer: it will be back, and with it the journal."""
        self._unanswered += 1

    def absent(self) -> bool:
        """The bus answered without the first missing message; whether that was once too often."""
        self._absent += 1
        return self._absent >= _TRIES

    def progress(self) -> None:
        self._absent = self._unanswered = 0


_TRIES = 6
"""A message that was sent a moment ago may not yet be in the journal."""
