"""The end of the server, seen from one WebSocket."""

import asyncio

import pytest
from cryptobot.dashboard.websocket import PoliteWebSocket
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.protocol import State


class Wire(asyncio.Transport):
    """Remembers what was written and that it was closed."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.written, self.closed = b"", False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written += data

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("state", "frame"), [(State.OPEN, b"\x88"), (State.CLOSING, b""), (State.CLOSED, b"")]
)
async def test_the_server_may_end_in_every_state(state: State, frame: bytes) -> None:
    """An open peer is told; to one that is leaving nothing more is said, and nothing is raised."""
    config = Config(app=lambda *_: None, ws=PoliteWebSocket, lifespan="off")
    config.load()
    protocol, wire = PoliteWebSocket(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)  # type: ignore[arg-type]
    protocol.handshake_complete = True
    protocol.conn.state = state

    protocol.shutdown()

    assert wire.closed
    assert wire.written[:1] == frame
