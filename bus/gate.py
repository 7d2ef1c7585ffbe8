"""The broker's forwarding where keys tell clients apart: each message and subscription is checked.

Joining the sockets in C (the way of unix sockets, where the folder keeps strangers out) cannot look at who
sent a message; this costs some microseconds of Python for each.
"""

import logging
import time
from collections import Counter

import zmq

from ..configs.errors import ProtocolError
from . import frames, rules, sockets

_RUN = 512
_NOBLOCK = int(zmq.NOBLOCK)
_MAX_REMEMBERED = 100_000
_LOG_INTERVAL_S = 10.0
_log = logging.getLogger("cryptobot.bus")


class Gate:
    """Forwards between an XSUB and an XPUB socket until their context is terminated."""

    def __init__(self, incoming: sockets.Socket, outgoing: sockets.Socket) -> None:
        self._in, self._out = incoming, outgoing
        outgoing.setsockopt(zmq.XPUB_MANUAL, 1)
        self._known: dict[tuple[str, bytes], bool] = {}
        self._logged: dict[str, float] = {}
        self.refused: Counter[str] = Counter()

    def run(self) -> None:
        """Forward. Raises zmq.ContextTerminated at the end."""
        poller = zmq.Poller()
        poller.register(self._in, zmq.POLLIN)
        poller.register(self._out, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._out in ready:
                self._subscriptions()
            if self._in in ready:
                self._messages()

    def _messages(self) -> None:
        receive, send = self._in.recv, self._out.send
        try:
            for _ in range(_RUN):
                message = receive(_NOBLOCK, copy=False)
                if self._may_pass(_user(message), message.bytes):
                    send(message, _NOBLOCK, copy=False)
        except zmq.Again:
            return

    def _may_pass(self, holder: str, frame: bytes) -> bool:
        end = frame.find(b"\0", frame.find(b"\0") + 1)
        key = (holder, frame[: max(end, 0)])
        known = self._known.get(key)
        if known is None:
            known = self._judge(holder, frame)
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[key] = known
        if not known:
            self._refuse(holder, "publish", frame)
        return known

    def _judge(self, holder: str, frame: bytes) -> bool:
        try:
            envelope = frames.parse(frame)
        except ProtocolError:
            return False
        return rules.may_publish(holder, envelope.topic, envelope.source)

    def _subscriptions(self) -> None:
        try:
            for _ in range(_RUN):
                message = self._out.recv(_NOBLOCK, copy=False)
                content = message.bytes
                holder = _user(message)
                if content[:1] == b"\x01":
                    if rules.may_read(holder, content[1:].decode(errors="replace")):
                        self._out.setsockopt(zmq.SUBSCRIBE, content[1:])
                    else:
                        self._refuse(holder, "read", content[1:])
                elif content[:1] == b"\x00":
                    self._out.setsockopt(zmq.UNSUBSCRIBE, content[1:])
        except zmq.Again:
            return

    def _refuse(self, holder: str, verb: str, about: bytes) -> None:
        self.refused[holder] += 1
        if time.monotonic() - self._logged.get(holder, -_LOG_INTERVAL_S) < _LOG_INTERVAL_S:
            return
        self._logged[holder] = time.monotonic()
        _log.warning("%s may not %s %r", holder or "a stranger", verb, about[:80])


def _user(message: zmq.Frame) -> str:
    try:
        return str(message.get("User-Id"))
    except zmq.ZMQError:
        return rules.INSIDE
