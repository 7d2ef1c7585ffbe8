"""The WebSocket of uvicorn, ended politely in every state."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State


class PoliteWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's, which at the server's end would send a second close frame to a peer that is leaving."""

    def shutdown(self) -> None:
        """Called by uvicorn: the server ends."""
        if self.handshake_complete and self.conn.state is not State.OPEN and not self.close_sent:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1001})
            self.transport.close()
            return
        super().shutdown()
