"""Old secrets are told of once, and the reminder ends when they were changed."""

import asyncio
import json

from cryptobot.bus import topics
from cryptobot.bus.contracts.service import Alert
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.sections.secrets import SecretsSettings
from cryptobot.configs.vault import Vault
from cryptobot.services.auth.reminders import SecretReminder


def test_an_old_master_key_is_told_once_and_recovers(tmp_path):
    """Its age counts from when it was taken; a rotation ends the alert."""
    home = Home(tmp_path)
    home.create()
    vault = Vault(home, environ={})
    vault.set("a", Secret("a-value"))
    path = home.keys / "secrets.json"
    content = json.loads(path.read_text())
    content["protection"]["made_ms"] -= 366 * 86_400_000
    path.write_text(json.dumps(content))

    async def scenario():
        hub = MemoryHub()
        bus, client = await hub.open_async("auth"), await hub.open_async("test")
        alerts = asyncio.Queue()
        client.subscribe(topics.ALERTS, Alert, lambda received: alerts.put_nowait(received.message))
        reminder = SecretReminder(bus, vault, SecretsSettings)
        reminder.look()
        reminder.look()
        vault.rotate_master()
        reminder.look()
        told = [await asyncio.wait_for(alerts.get(), 30) for _ in range(2)]
        empty = alerts.empty()
        await client.close()
        await bus.close()
        return told, empty

    told, empty = asyncio.run(scenario())
    assert [(one.key, one.recovered) for one in told] == [
        ("secret.due.master", False),
        ("secret.due.master", True),
    ]
    assert empty


def test_a_due_secret_is_told_once_and_recovers(tmp_path):
    """An old secret raises one alert that names it; a new value ends it."""
    home = Home(tmp_path)
    home.create()
    vault = Vault(home, environ={})
    vault.set("binance.api_key", Secret("the-old-value"), rotate_days=30)
    vault.set("fresh.api_key", Secret("another-value"))
    path = home.keys / "secrets.json"
    content = json.loads(path.read_text())
    content["secrets"]["binance.api_key"]["changed_ms"] -= 31 * 86_400_000
    path.write_text(json.dumps(content))

    async def scenario():
        hub = MemoryHub()
        bus, client = await hub.open_async("auth"), await hub.open_async("test")
        alerts = asyncio.Queue()
        client.subscribe(topics.ALERTS, Alert, lambda received: alerts.put_nowait(received.message))
        reminder = SecretReminder(bus, vault, SecretsSettings)
        reminder.look()
        reminder.look()
        first = await asyncio.wait_for(alerts.get(), 30)
        vault.set("binance.api_key", Secret("the-new-value"), rotate_days=30)
        reminder.look()
        second = await asyncio.wait_for(alerts.get(), 30)
        empty = alerts.empty()
        await client.close()
        await bus.close()
        return first, second, empty

    first, second, empty = asyncio.run(scenario())
    assert (first.key, first.recovered) == ("secret.due.binance.api_key", False)
    assert "older than 30 days" in first.detail
    assert (second.key, second.recovered) == ("secret.due.binance.api_key", True)
    assert empty
