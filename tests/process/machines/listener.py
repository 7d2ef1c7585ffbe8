"""A program of the tests: writes down every order, fill and trading state that it hears, one line each.

python listener.py HOME FILE
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Received
from cryptobot.bus.contracts.trade import Fill, Order, TradingState
from cryptobot.configs.paths import Home


async def main(home: Home, path: Path) -> None:
    """Listen until SIGTERM; the last line counts what was lost, healed and heard twice."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    bus = await AsyncBus.open(home, "cli")
    with path.open("w", buffering=1) as out:

        def heard(received: Received[Any]) -> None:
            what = received.message
            key = getattr(what, "id", "") or getattr(what, "state", "")
            print(type(what).__name__, received.topic, received.seq, key, file=out)

        bus.subscribe(topics.FILLS, Fill, heard)
        bus.subscribe(topics.ORDERS, Order, heard)
        bus.subscribe(topics.TRADING_STATE, TradingState, heard)
        await bus.settled(60.0)
        print("settled", file=out)
        await stopped.wait()
        print("counters", bus.counters.troubles(), file=out)
    await bus.close()


if __name__ == "__main__":
    asyncio.run(main(Home(Path(sys.argv[1])), Path(sys.argv[2])))
