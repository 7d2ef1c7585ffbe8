"""ZeroMQ sockets as the bus uses them: every option is set here and nowhere else."""

import os
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import zmq

from .frames import MAX_FRAME_BYTES

LINGER_MS = 500
_FOREVER = 0
WAKE = b"\0" + os.urandom(16)
"""A frame that wakes a thread of this process; no peer can guess it."""
_numbers = count(1)

Context = zmq.Context[Any]
Socket = zmq.Socket[Any]
Send = Callable[..., object]


class _ClientContext(zmq.Context[Any]):
    """Kept alive until it is ended.

    A client that nobody closed is garbage together with its sockets. The collector would then end the context
    with its sockets still open, which waits for ever, in whichever thread the collector happened to run.
    """

    def term(self) -> None:
        super().term()
        _OPEN.discard(self)


_OPEN: set[_ClientContext] = set()


def context() -> Context:
    """A context of one client: one I/O thread, ended by `destroy`."""
    made = _ClientContext(io_threads=1)
    _OPEN.add(made)
    return made


def _socket(owner: Context, kind: int, *, linger_ms: int, hwm: int) -> Socket:
    made: Socket = owner.socket(kind)
    made.setsockopt(zmq.LINGER, linger_ms)
    made.setsockopt(zmq.SNDHWM, hwm)
    made.setsockopt(zmq.RCVHWM, hwm)
    made.setsockopt(zmq.RECONNECT_IVL, 20)
    made.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
    made.setsockopt(zmq.HANDSHAKE_IVL, 2000)
    made.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES + 4096)
    return made


def watch_peer(socket: Socket) -> None:
    """Notice within seconds that a machine or network at the other end is gone (TCP)."""
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 5000)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    # The system would try one connection for two minutes, ever more rarely, also when the network is back.
    socket.setsockopt(zmq.CONNECT_TIMEOUT, 2000)


def wake(owner: Context) -> tuple[Socket, str]:
    """A publisher within the process, whose frames wake a subscriber's thread, and its address."""
    made = _socket(owner, zmq.PUB, linger_ms=0, hwm=_FOREVER)
    address = f"inproc://wake-{next(_numbers)}"
    made.bind(address)
    return made, address


def wake_server(owner: Context) -> tuple[Socket, str]:
    """A caller within the process that wakes a server's thread, and the address to bind for it."""
    return _socket(owner, zmq.DEALER, linger_ms=0, hwm=_FOREVER), f"inproc://wake-{next(_numbers)}"


def fast_send(socket: Socket) -> Send:
    """The socket's own `send(frame, flags)`, without the layer for kinds of messages not used here."""
    send: Send = super(zmq.Socket, socket).send
    return send


def sender(first: Socket, second: Socket | None) -> Callable[[bytes], object]:
    """Sends a frame on one publisher, or on two, without blocking and with no Python in between for one."""
    send_first = partial(fast_send(first), flags=int(zmq.NOBLOCK))
    if second is None or second is first:
        return send_first
    send_second = partial(fast_send(second), flags=int(zmq.NOBLOCK))

    def send_both(frame: bytes) -> None:
        send_first(frame)
        send_second(frame)

    return send_both


def publisher(owner: Context, hwm: int) -> Socket:
    return _socket(owner, zmq.PUB, linger_ms=LINGER_MS, hwm=hwm)


def subscriber(owner: Context, hwm: int) -> Socket:
    return _socket(owner, zmq.SUB, linger_ms=0, hwm=hwm)


def caller(owner: Context) -> Socket:
    """A DEALER: unlike REQ it survives a lost reply."""
    return _socket(owner, zmq.DEALER, linger_ms=0, hwm=10_000)


def server(owner: Context) -> Socket:
    """A ROUTER. MANDATORY makes an answer to a vanished caller an error instead of silence."""
    made = _socket(owner, zmq.ROUTER, linger_ms=LINGER_MS, hwm=10_000)
    made.setsockopt(zmq.ROUTER_MANDATORY, 1)
    made.setsockopt(zmq.ROUTER_HANDOVER, 1)
    return made


def broker_in(owner: Context) -> Socket:
    """Publishers connect here. No limit towards the proxy: it moves at once what arrives."""
    return _socket(owner, zmq.XSUB, linger_ms=0, hwm=_FOREVER)


def broker_out(owner: Context, hwm: int) -> Socket:
    """Subscribers connect here; above `hwm` messages a slow one loses the newest, the others lose none."""
    return _socket(owner, zmq.XPUB, linger_ms=LINGER_MS, hwm=hwm)
