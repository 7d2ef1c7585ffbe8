"""The sockets of one client: made, secured, connected, and reconnected when an address has moved."""

import time

import zmq

from ..configs.errors import BusError
from . import endpoints, keys, sockets, trust
from .group import Group, alone
from .rules import holder_of

_MOVES = 5
_RCVMORE = int(zmq.RCVMORE)
_LOOK_INTERVAL_S = 0.25


class Connections:
    """Makes the sockets of the client `name`. One thread at a time may use a socket."""

    def __init__(self, places: endpoints.Endpoints, name: str, hwm: int, group: Group | None = None) -> None:
        self._places, self._name, self._hwm = places, name, hwm
        if not places.secure:
            trust.look_at(places.home)
        self._group = group or alone(places.home)
        self.context = self._group.join()
        self._pair = keys.pair(places.home, name) if places.secure else None
        self._connected: dict[sockets.Socket, tuple[str, str]] = {}
        self._looked: dict[sockets.Socket, float] = {}

    def publisher(self) -> sockets.Socket:
        """Connected to the broker."""
        return self._connect(sockets.publisher(self.context, self._hwm), endpoints.PUBLISH, endpoints.BROKER)

    def subscriber(self) -> sockets.Socket:
        """Connected to the broker."""
        return self._connect(
            sockets.subscriber(self.context, self._hwm), endpoints.SUBSCRIBE, endpoints.BROKER
        )

    def direct_publisher(self, shared: sockets.Socket) -> sockets.Socket:
        """Bound where subscribers of this client connect without the broker.

        It is the `shared` publisher itself, unless that is a client of CURVE and so cannot be a server.
        """
        chosen = sockets.publisher(self.context, self._hwm) if self._places.secure else shared
        return self.bind(chosen, endpoints.direct(self._name))

    def direct_subscriber(self, service: str) -> sockets.Socket:
        """Connected to the publisher of a service, without the broker."""
        socket = sockets.subscriber(self.context, self._hwm)
        return self._connect(socket, endpoints.direct(service), service)

    def caller(self, service: str) -> sockets.Socket:
        """Connected to a service."""
        return self._connect(sockets.caller(self.context), service, service)

    def server(self, service: str) -> sockets.Socket:
        """Bound as a service.

        Raises:
            BusError: no address can be had.
        """
        return self.bind(sockets.server(self.context), service)

    def _connect(self, socket: sockets.Socket, place: str, server: str) -> sockets.Socket:
        within = self._group.address(place, server)
        if within:
            socket.connect(within)
            return socket
        if self._pair is not None:
            public = keys.public_of(self._places.home, server, self._places.elsewhere(place))
            socket.setsockopt(zmq.CURVE_SERVERKEY, public)
            socket.setsockopt(zmq.CURVE_PUBLICKEY, self._pair.public)
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._pair.secret)
            sockets.watch_peer(socket)
        address = self._places.address(place)
        socket.connect(address)
        self._connected[socket] = (place, address)
        return socket

    def bind(self, socket: sockets.Socket, place: str) -> sockets.Socket:
        """Bind a socket at a place, at another port when the known one is taken.

        Raises:
            BusError: no address can be had.
        """
        self._places.prepare()
        if self._pair is not None:
            self._group.guard()
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._pair.secret)
            sockets.watch_peer(socket)
        else:
            trust.admit_only_us(socket)
        self._bind_within(socket, place)
        address = self._places.listening(place)
        for _ in range(_MOVES):
            try:
                socket.bind(address)
                return socket
            except zmq.ZMQError as error:
                if not self._places.secure or self._places.is_fixed(place):
                    raise BusError(f"{self._name} cannot take requests at {address}: {error}.") from error
                address = self._places.move(place)
        raise BusError(f"{self._name} found no free port for {place}.")

    def _bind_within(self, socket: sockets.Socket, place: str) -> None:
        within = self._group.address(place, self._name)
        if not within:
            return
        try:
            socket.bind(within)
        except zmq.ZMQError as error:
            raise BusError(f"{self._name} is in this process twice ({place}: {error}).") from error

    def follow(self, connected: tuple[sockets.Socket, ...]) -> None:
        """Connect to where the places of these sockets are now; cheap to call often."""
        now = time.monotonic()
        if not self._places.secure or now - self._looked.get(connected[0], 0.0) < _LOOK_INTERVAL_S:
            return
        self._looked[connected[0]] = now
        for socket in connected:
            if socket not in self._connected:
                continue  # within this process, which does not move
            place, old = self._connected[socket]
            address = self._places.address(place)
            if address != old:
                socket.disconnect(old)
                socket.connect(address)
                self._connected[socket] = (place, address)

    def close(self) -> None:
        """End the context; all its sockets must be closed before."""
        self._group.leave()

    def read_request(self, router: sockets.Socket, flags: int) -> tuple[bytes, bytes]:
        """Who asked and the frame; an empty one in place of no request or a false name.

        Raises:
            zmq.Again: nothing is there.
        """
        if not self._places.secure:
            peer = router.recv(flags)
            frame = router.recv(flags)  # a ROUTER puts the peer before at least one part
            while router.getsockopt(_RCVMORE):
                router.recv(flags)
                frame = b""
            return peer, frame
        parts = router.recv_multipart(flags, copy=False)
        if len(parts) != 2:
            return parts[0].bytes, b""
        frame = parts[1].bytes
        if frame != sockets.WAKE and not self._genuine(parts[1]):
            frame = b""
        return parts[0].bytes, frame

    def _genuine(self, part: zmq.Frame) -> bool:
        frame = part.bytes
        claimed = frame[: max(0, frame.find(b"\0"))].decode(errors="replace")
        try:
            holder = str(part.get("User-Id"))
        except zmq.ZMQError:  # only what comes from within the process has none
            return self._group.vouches_for(claimed)
        return holder_of(claimed) == holder
