"""What becomes of a client that nobody closed."""

import subprocess
import sys
from pathlib import Path

FORGET = """
import asyncio, gc, sys
from cryptobot.bus.aio import AsyncBus
from cryptobot.configs.paths import Home

async def forget(home):
    bus = await AsyncBus.open(home, "forgetful")
    bus.me = bus

home = Home.find(sys.argv[1])
home.create()
asyncio.run(forget(home))
gc.collect()
print("collected")
"""


def test_the_collector_does_not_wait_for_a_client_that_was_not_closed(tmp_path: Path) -> None:
    """Collecting a forgotten client, sockets open, ends at once; so does the process."""
    ran = subprocess.run(
        [sys.executable, "-c", FORGET, str(tmp_path / "home")], capture_output=True, text=True, timeout=30
    )
    assert ran.stdout == "collected\n", ran.stderr
