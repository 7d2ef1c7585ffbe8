"""The web server's own settings."""

import asyncio
import socket
from asyncio import sslproto
from pathlib import Path

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.configs.paths import Home
from cryptobot.dashboard import tls
from cryptobot.dashboard.server import WebServer, listen


async def test_a_tls_connection_takes_little_memory(tmp_path: Path) -> None:
    """asyncio's buffer of a TLS connection is one record, not 256 KiB; and the signals are left alone."""
    context = tls.server_context(tls.ensure(Home(tmp_path), tls.names_for("127.0.0.1")))
    listener = listen("127.0.0.1", 0)
    server = WebServer(None, context, listener)

    with server.capture_signals():
        assert sslproto.SSLProtocol.max_size == 16_384
    listener.close()


async def test_the_server_tells_when_it_listens_and_ends_when_told(tmp_path: Path) -> None:
    """`listening` is set once connections are taken; `stop` ends the serving."""
    context = tls.server_context(tls.ensure(Home(tmp_path), tls.names_for("127.0.0.1")))
    server = WebServer(lambda scope, receive, send: None, context, listen("127.0.0.1", 0))
    serving = asyncio.create_task(server.run_until_stopped())

    await asyncio.wait_for(server.listening.wait(), 30)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30):
        server.stop()

    await asyncio.wait_for(serving, 30)


def test_a_taken_port_names_the_setting() -> None:
    """One sentence: which port, and which setting to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError) as told:
        listen("127.0.0.1", taken.getsockname()[1])

    assert "is in use by another program; set dashboard.port" in str(told.value)


def test_an_address_of_another_machine_names_the_setting() -> None:
    """Listening on a foreign address cannot work, and the sentence says where to look."""
    with pytest.raises(StartError, match=r"dashboard\.host"):
        listen("192.0.2.1", 8443)
