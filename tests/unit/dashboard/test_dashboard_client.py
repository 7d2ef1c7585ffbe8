"""The Python client against the real HTTPS server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import Session
from cryptobot.bus.contracts.trade import Fills, ListFills, SetTradingState, TradingState
from cryptobot.dashboard import tls
from cryptobot.dashboard.asgi import Dispatcher
from cryptobot.dashboard.client import ApiError, Client, UnreachableError
from cryptobot.dashboard.server import WebServer, listen

MakeRig = Callable[[], Any]
KEY = "cb_1_x"
DEADLINE_S = 45.0


@contextlib.asynccontextmanager
async def served(make_rig: MakeRig) -> AsyncIterator[Any]:
    """A rig behind a real port, with a key that may trade."""
    rig = await make_rig()
    rig.home.create()
    rig.auth.keys[KEY] = Session(
        user="bot", role="trader", permissions=["trade.read", "trade.halt", "service.read"], csrf_token="",
        expires_ms=0,
    )  # fmt: skip
    certificate = tls.ensure(rig.home, tls.names_for("127.0.0.1"))
    dispatcher = Dispatcher(rig.app, rig.assets, rig.live, frozenset({"127.0.0.1"}))
    server = WebServer(dispatcher, tls.server_context(certificate), listen("127.0.0.1", 0))
    serving = asyncio.create_task(server.run_until_stopped())
    await asyncio.wait_for(server.listening.wait(), DEADLINE_S)
    told = {"url": f"https://127.0.0.1:{server.port}/", "port": server.port}
    (rig.home.run / "dashboard.json").write_text(json.dumps(told))
    rig.trade, rig.server = await rig.memory.open_async("trade"), server
    try:
        yield rig
    finally:
        server.stop()
        await asyncio.wait_for(serving, DEADLINE_S)


async def by(rig: Any, work: Callable[[Client], Any]) -> Any:
    """Do something with a client, in a thread as programs do."""

    def run() -> Any:
        with Client.of_home(rig.home.root, KEY) as client:
            return work(client)

    return await asyncio.to_thread(run)


async def test_trading_is_halted_once_however_often_it_is_sent(make_rig: MakeRig) -> None:
    """The request carries a key: the second sending is answered without doing it again."""
    async with served(make_rig) as rig:
        seen: list[str] = []

        def set_state(request: Request[SetTradingState]) -> TradingState:
            seen.append(request.message.reason)
            return TradingState(state="HALTED", reason=request.message.reason, actor="bot", since_ms=1)

        rig.trade.serve(SetTradingState, set_state)

        told = await by(rig, lambda client: client.halt("night"))
        wish = {"state": "HALTED", "reason": "again"}
        twice = await by(rig, lambda client: [client.post("trading", wish, key="one") for _ in range(2)])

        assert told["state"] == "HALTED"
        assert twice[0] == twice[1]
        assert seen == ["night", "again"]


async def test_lists_are_followed_to_their_end(make_rig: MakeRig) -> None:
    """Page by page, by the cursor of each; a list of one page is one question."""
    async with served(make_rig) as rig:
        asked: list[str] = []

        def listed(request: Request[ListFills]) -> Fills:
            asked.append(request.message.older_than)
            return Fills(fills=[])

        rig.trade.serve(ListFills, listed)

        assert await by(rig, lambda client: list(client.fills(symbol="BTC/USDT"))) == []
        assert asked == [""]


async def test_a_refusal_is_an_error_with_a_code(make_rig: MakeRig) -> None:
    """Status, stable code, and a sentence."""
    async with served(make_rig) as rig:
        with pytest.raises(ApiError) as refused:
            await by(rig, lambda client: client.get("users"))

    assert (refused.value.status, refused.value.code) == (403, "permission_denied")


async def test_the_stream_begins_with_a_snapshot(make_rig: MakeRig) -> None:
    """An API key follows the channels that it may."""
    async with served(make_rig) as rig:
        first = await by(rig, lambda client: next(client.stream("core", "audit")))

    assert first["type"] == "snapshot"
    assert "services" in first["state"]
    assert "audit" not in first["state"]


async def test_a_connection_that_was_lost_is_made_anew(make_rig: MakeRig) -> None:
    """Between two questions the server may close; the client asks again."""
    async with served(make_rig) as rig:

        def work(client: Client) -> list[Any]:
            first = client.get("session")
            assert client._connection is not None
            client._connection.sock.close()
            return [first, client.get("session")]

        first, second = await by(rig, work)

    assert first["user"] == second["user"] == "bot"


async def test_a_strangers_certificate_is_not_trusted(make_rig: MakeRig, tmp_path: Path) -> None:
    """The key is not sent, and the sentence says which file to name."""
    async with served(make_rig) as rig:
        url = f"https://127.0.0.1:{rig.server.port}"

        with pytest.raises(UnreachableError, match=r"keys/ca\.crt"):
            await asyncio.to_thread(lambda: Client(url, KEY).get("session"))


def test_a_key_is_never_sent_without_tls() -> None:
    """An http:// address is refused before anything is sent."""
    with pytest.raises(ValueError, match="never sent without TLS"):
        Client("http://127.0.0.1:8443", KEY)


def test_a_home_without_a_dashboard_is_told(tmp_path: Path) -> None:
    """The sentence says what to start."""
    with pytest.raises(UnreachableError, match="cryptobot up"):
        Client.of_home(tmp_path, KEY)
