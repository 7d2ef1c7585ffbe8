"""A certificate that changes while it is served: taken anew, or refused with one sentence."""

import asyncio
import datetime
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DashboardSettings
from cryptobot.dashboard import tls
from cryptobot.dashboard.certificate import ServedCertificate
from cryptobot.dashboard.server import WebServer, listen

DEADLINE_S = 45.0
EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing listens there
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers everybody."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Owner:
    """A person with a certificate of their own, who puts others in its place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chain, self.key = folder / "mine.crt", folder / "mine.key"
        self.put("one.example.com")
        settings = DashboardSettings(certificate=str(self.chain), private_key=str(self.key))
        self.served = ServedCertificate(Home(folder / "home"), settings, tls.names_for("127.0.0.1"))

    def put(self, name: str, *, now: datetime.datetime | None = None) -> None:
        """Make another certificate and put it where the settings say."""
        made = tls.ensure(Home(self.folder / f"authority-{name}"), (name,), now=now)
        shutil.copy(made.chain, self.chain)
        shutil.copy(made.key, self.key)


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A TLS connection to the server, and the certificate that it showed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return reader, writer, shown


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Does a request over this connection get its answer?"""
    writer.write(REQUEST)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\nok"), DEADLINE_S)
    return head.startswith(b"HTTP/1.1 200")


async def test_who_comes_gets_the_new_certificate_and_who_is_there_stays(tmp_path: Path) -> None:
    """A bad one and one that has ended change nothing; the good one after them is served, by its names."""
    owner = Owner(tmp_path)
    server = WebServer(app, owner.served.context, listen("127.0.0.1", 0))
    serving = asyncio.create_task(server.run_until_stopped())
    await asyncio.wait_for(server.listening.wait(), DEADLINE_S)
    reader, writer, first = await connected(server.port)
    assert await answered(reader, writer)

    owner.chain.write_text("no certificate at all")
    assert not owner.served.look()
    told_of_bad = owner.served.problem
    owner.put("old.example.com", now=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=500))
    assert not owner.served.look()
    told_of_old = owner.served.problem
    _, second_writer, second = await connected(server.port)
    owner.put("two.example.com")
    assert owner.served.look()
    _, third_writer, third = await connected(server.port)

    assert "cannot be used" in told_of_bad
    assert "ended on" in told_of_old
    assert told_of_bad.endswith("goes on being served.")
    assert owner.served.problem == ""
    assert first == second != third
    assert "two.example.com" in owner.served.hosts
    assert "one.example.com" not in owner.served.hosts
    assert await answered(reader, writer)
    for one in (writer, second_writer, third_writer):
        one.close()
    server.stop()
    await asyncio.wait_for(serving, DEADLINE_S)


def test_a_file_that_stays_is_loaded_once(tmp_path: Path) -> None:
    """Looking again at the same file does nothing; nor does one that is back after a fault."""
    owner = Owner(tmp_path)
    good = owner.chain.read_bytes()

    assert not owner.served.look()
    owner.chain.unlink()
    assert not owner.served.look()
    assert str(owner.chain) in owner.served.problem
    owner.chain.write_bytes(good)

    assert not owner.served.look()
    assert owner.served.problem == ""


def test_a_certificate_that_ends_soon_is_known(tmp_path: Path) -> None:
    """Thirty days before the end of the user's own; ours is renewed by itself."""
    owner = Owner(tmp_path)
    assert not owner.served.ends_soon

    owner.put("soon.example.com", now=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=380))

    assert owner.served.look()
    assert owner.served.ends_soon


@pytest.mark.parametrize("host", ["127.0.0.1", EVERYWHERE])
def test_ours_answers_to_the_names_of_this_machine(tmp_path: Path, host: str) -> None:
    """To every address only where it is open to a network."""
    served = ServedCertificate(Home(tmp_path), DashboardSettings(), tls.names_for(host))

    assert set(tls.LOOPBACK_NAMES) <= served.hosts
    assert ("*" in served.hosts) == (host == EVERYWHERE)
