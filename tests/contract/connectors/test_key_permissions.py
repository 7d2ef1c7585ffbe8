"""What each venue says of an API key, asked over HTTP and read from the answers that it documents."""

import json

import pytest
from aiohttp import web
from cryptobot.services.connectors.ccxt_venue import CcxtVenue
from cryptobot.services.connectors.connector import OpenContext
from cryptobot.services.connectors.generic import make_exchange
from cryptobot.services.connectors.permissions import of_bybit, of_coinbase, of_kraken, of_nobody, of_okx
from cryptobot.services.connectors.registry import find
from cryptobot.services.connectors.venue import Capabilities, Credentials, KeyPermissions

ASK = {"kraken": of_kraken, "coinbase": of_coinbase, "bybit": of_bybit, "okx": of_okx}
PATHS = {
    "kraken": "/0/private/GetApiKeyInfo",
    "coinbase": "/api/v3/brokerage/key_permissions",
    "bybit": "/v5/user/query-api",
    "okx": "/api/v5/account/config",
}


def answer(name: str, withdraw: bool) -> dict:
    rights = ["query-funds", "modify-trades", *(["withdraw-funds"] if withdraw else [])]
    wallet = ["AccountTransfer", *(["Withdraw"] if withdraw else [])]
    return {
        "kraken": {"error": [], "result": {"api_key_name": "k", "permissions": rights}},
        "coinbase": {"can_view": True, "can_trade": True, "can_transfer": withdraw, "portfolio_uuid": "p"},
        "bybit": {
            "retCode": 0,
            "retMsg": "",
            "result": {"readOnly": 0, "permissions": {"Spot": ["SpotTrade"], "Wallet": wallet}},
        },
        "okx": {"code": "0", "msg": "", "data": [{"perm": "read_only,trade" + ",withdraw" * withdraw}]},
    }[name]


async def asked(name: str, body: dict) -> KeyPermissions:
    """The venue's own request, sent to a local server that answers with `body`."""
    seen = []

    async def serve(request):
        seen.append(request.path)
        return web.Response(text=json.dumps(body), content_type="application/json")

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    credentials = Credentials("key", "c2VjcmV0", "word")
    exchange = make_exchange(name, OpenContext(bus=None, credentials=credentials, timeout_s=5, silence_s=9))
    urls = exchange.urls["api"]
    for kind in urls:
        if isinstance(urls[kind], str) and "wss" not in urls[kind]:
            urls[kind] = f"http://{host}:{port}"
    venue = CcxtVenue(name, exchange, Capabilities(), permissions=ASK[name])
    try:
        return await venue.fetch_permissions()
    finally:
        await venue.close()
        await runner.cleanup()
        assert seen == [PATHS[name]]


@pytest.mark.parametrize("withdraw", [True, False])
@pytest.mark.parametrize("name", ASK)
async def test_a_key_that_may_withdraw_is_known_on_every_venue(name, withdraw):
    """Kraken, Coinbase, Bybit and OKX are asked at their own addresses and read as they document it."""
    assert await asked(name, answer(name, withdraw)) == KeyPermissions(trade=True, withdraw=withdraw)


@pytest.mark.parametrize("name", ASK)
async def test_a_venue_that_answers_otherwise_does_not_tell(name):
    """An answer of another shape is neither yes nor no."""
    told = await asked(name, {"code": "0", "retCode": 0, "error": []})
    assert told == KeyPermissions()
    assert await of_nobody(None) == KeyPermissions()


@pytest.mark.parametrize("name", ASK)
def test_every_named_connector_asks(name):
    """The connectors of the five venues are those that ask; Binance has its own."""
    assert find(name).name == name
