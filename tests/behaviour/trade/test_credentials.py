"""Keys of live venues come from the vault."""

import asyncio
from dataclasses import dataclass

import msgspec
import pytest
import structlog
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import SettingsError, StartError
from cryptobot.configs.notify import Notifier
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.services.connectors.venue import Credentials
from cryptobot.services.trade import service as module
from cryptobot.services.trade.service import TradeService

LIVE = msgspec.structs.replace(Settings(), data=msgspec.structs.replace(Settings().data, exchange="binance"))


@dataclass
class Known:
    text: str

    def reveal(self):
        return self.text


async def started(tmp_path, monkeypatch, secrets, handed):
    """Start trade on a live venue whose connector notes what it is given and then refuses."""
    home = Home(tmp_path)
    home.create()

    async def open_venue(name, *, bus, settings, credentials, account):
        handed.append((name, credentials))
        raise StartError("far enough")

    def secret(self, name):
        if name not in secrets:
            raise SettingsError(f"no {name}; store it with `cryptobot secret set {name}`")
        return Known(secrets[name])

    monkeypatch.setattr(module, "open_venue", open_venue)
    monkeypatch.setattr(TradeService, "secret", secret)
    bus = await MemoryHub().open_async("trade")
    service = TradeService(home, LIVE, bus, structlog.get_logger())
    try:
        async with asyncio.timeout(30):
            await service.serve_until_stopped(Notifier({}))
    finally:
        await bus.close()


async def test_key_and_secret_of_the_vault_reach_the_connector(tmp_path, monkeypatch):
    """The connector is given what the vault holds, and no password where there is none."""
    handed = []
    secrets = {"binance.api_key": "k", "binance.api_secret": "s"}
    with pytest.raises(StartError, match="far enough"):
        await started(tmp_path, monkeypatch, secrets, handed)
    assert handed == [("binance", Credentials("k", "s", ""))]


async def test_missing_key_says_which_command_stores_it(tmp_path, monkeypatch):
    """Without a key trade cannot start, and the sentence helps."""
    with pytest.raises(StartError, match=r"cryptobot secret set binance\.api_key"):
        await started(tmp_path, monkeypatch, {}, [])
