"""The service `paper` in its own process, on the bus."""

import asyncio
import signal
import socket
from typing import Any

import pytest
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.paper import GetPaperInfo, InjectPaperFault, PaperFaults, PaperInfo
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.schema import PaperSettings


async def test_addresses_and_keys_are_told_and_stay(platform: Any) -> None:
    """The same before and after `kill -9`; it says what the prices are; SIGTERM ends it with 0."""
    platform.start("bus")
    platform.start("paper")
    bus = await AsyncBus.open(platform.home, "test")
    try:
        info = await bus.request("paper", GetPaperInfo(), PaperInfo, timeout_s=20)
        platform.children["paper"].kill()
        platform.children["paper"].wait(10)
        platform.start("paper")
        again = await bus.request("paper", GetPaperInfo(), PaperInfo, timeout_s=20)
    finally:
        await bus.close()
    platform.children["paper"].send_signal(signal.SIGTERM)

    assert platform.children["paper"].wait(10) == 0
    assert again == info
    assert info.symbols == ["BTC/USDT"]
    assert "recorded" in info.note and "0.2 s" in info.note
    assert info.ws_url.endswith("/ws") and info.ws_api_url.endswith("/ws-api/v3")


async def test_faults_are_switched_over_the_bus(platform: Any) -> None:
    """On, shown, off; an unknown kind is refused with the list."""
    platform.start("bus")
    platform.start("paper")
    bus = await AsyncBus.open(platform.home, "test")
    try:
        await bus.request("paper", GetPaperInfo(), PaperInfo, timeout_s=20)
        shown = await bus.request("paper", InjectPaperFault(kind="slow", target="GET"), PaperFaults)
        with pytest.raises(RequestFailedError, match="timeout-after"):
            await bus.request("paper", InjectPaperFault(kind="bad-mood"), PaperFaults)
        cleared = await bus.request("paper", InjectPaperFault(kind="clear"), PaperFaults)
    finally:
        await bus.close()

    assert [(f.kind, f.target, f.count) for f in shown.active] == [("slow", "GET", 1)]
    assert cleared.active == []


async def test_a_port_in_use_is_one_sentence_and_exit_78(platform: Any) -> None:
    """The user chose it; a restart alone will not help."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        platform.settle(PaperSettings(port=taken.getsockname()[1]))
        platform.start("bus")
        platform.start("paper")

        assert await asyncio.to_thread(platform.children["paper"].wait, 20) == 78
