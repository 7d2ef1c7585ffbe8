"""Who connects and says nothing, or says it slowly: nobody else has to wait for them."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.paths import Home
from cryptobot.dashboard import asgi, door, server, tls
from cryptobot.dashboard.asgi import MAX_BODY_BYTES, Dispatcher
from cryptobot.dashboard.assets import Assets
from cryptobot.dashboard.server import WebServer, listen
from flask import Flask, request

DEADLINE_S = 45.0


def small_app() -> Flask:
    """Answers what was posted."""
    app = Flask("small", static_folder=None)

    @app.route("/", methods=["GET", "POST"])
    def echo() -> bytes:
        return request.get_data() or b"here"

    return app


class Running:
    """A web server and its certificate's authority."""

    def __init__(self, served: WebServer, trust: ssl.SSLContext) -> None:
        self.server, self.trust = served, trust

    async def talk(self, text: bytes) -> bytes:
        """Send this, read until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, ssl=self.trust)
        writer.write(text)
        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return answer

    async def get(self) -> bytes:
        """One ordinary request."""
        return await self.talk(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    async def silent(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that says nothing, not even hello."""
        return await asyncio.open_connection("127.0.0.1", self.server.port)


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """A web server in this loop."""
    home = Home(folder)
    certificate = tls.ensure(home, tls.names_for("127.0.0.1"))
    live: Any = None
    dispatcher = Dispatcher(small_app(), Assets(), live, frozenset({"localhost"}))
    served = WebServer(dispatcher, tls.server_context(certificate), listen("127.0.0.1", 0))
    serving = asyncio.create_task(served.run_until_stopped())
    await asyncio.wait_for(served.listening.wait(), DEADLINE_S)
    try:
        yield Running(served, ssl.create_default_context(cafile=str(certificate.authority)))
    finally:
        served.stop()
        await asyncio.wait_for(serving, DEADLINE_S)


async def test_silent_connections_make_room_for_those_who_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all places are taken, the oldest silent connection is closed and the newcomer is answered."""
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 4)
    async with running(tmp_path) as site:
        idle = [await site.silent() for _ in range(8)]

        answers = [await site.get() for _ in range(3)]

        assert all(answer.endswith(b"here") for answer in answers)
        assert await asyncio.wait_for(idle[0][0].read(), DEADLINE_S) == b""
        for _, writer in idle:
            writer.close()


async def test_a_silent_connection_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a TLS handshake: who asks nothing for a while is let go of."""
    monkeypatch.setattr(door, "HANDSHAKE_S", 0.2)
    monkeypatch.setattr(door, "SILENCE_S", 0.2)
    async with running(tmp_path) as site:
        plain, writer = await site.silent()

        assert await asyncio.wait_for(plain.read(), DEADLINE_S) == b""
        assert await site.talk(b"") == b""
        assert await site.talk(b"GET / HTTP/1.1\r\nHost: loc") == b""
        writer.close()


async def test_a_body_that_does_not_come_keeps_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More slow senders than threads: others are answered meanwhile, the slow ones are told 408."""
    monkeypatch.setattr(asgi, "BODY_S", 3.0)
    begun = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
    async with running(tmp_path) as site:
        slow = [asyncio.create_task(site.talk(begun)) for _ in range(2 * asgi.WORKERS)]
        await asyncio.sleep(0)

        assert (await site.get()).endswith(b"here")
        answers = await asyncio.gather(*slow)

    assert {answer.split(b" ")[1] for answer in answers} == {b"408"}


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: %d" % (MAX_BODY_BYTES + 1), b"Transfer-Encoding: chunked", b"Content-Length: x"],
)
async def test_too_large_a_body_is_refused_before_it_is_read(tmp_path: Path, head: bytes) -> None:
    """413 or 400, with the headers that harden every answer."""
    async with running(tmp_path) as site:
        answer = await site.talk(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")

    assert answer.split(b" ")[1] in (b"413", b"400")
    if answer.split(b" ")[1] == b"413":
        assert b"strict-transport-security" in answer.lower()


async def test_whoever_speaks_no_tls_is_let_go(tmp_path: Path) -> None:
    """Plain HTTP gets no answer that could be read or changed on its way."""
    async with running(tmp_path) as site:
        reader, writer = await site.silent()
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)

        assert b"HTTP/" not in answer
        assert (await site.get()).endswith(b"here")
        writer.close()


def test_a_listener_backlog_is_there_before_anything_is_served() -> None:
    """Whoever connects during the start waits instead of being refused."""
    listener = listen("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=DEADLINE_S):
        pass
    listener.close()
