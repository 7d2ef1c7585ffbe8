"""A home with a broker that can be killed."""

import asyncio
import contextlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


class Broker:
    """The broker's process."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        code = (
            "import sys; from cryptobot.bus.broker import main; from cryptobot.configs.paths import Home;"
            "sys.exit(main(Home.find(sys.argv[1])))"
        )
        self.process = subprocess.Popen([sys.executable, "-c", code, os.fspath(self.home.root)])

    def stop(self) -> None:
        """End it in order."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(10) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with settings in force."""
    made = Home(tmp_path / "home")
    made.create()
    snapshot.write(made, Settings())
    return made


@pytest.fixture
def broker(home: Home) -> Iterator[Broker]:
    """A running broker."""
    made = Broker(home)
    made.start()
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.kill()
