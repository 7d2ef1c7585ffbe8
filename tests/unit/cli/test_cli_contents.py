"""What `doctor --json` says that a program holds."""

from pathlib import Path

from cryptobot.configs.paths import Home
from cryptobot.supervisor.cli.contents import contents
from cryptobot.supervisor.cli.table import COMMANDS


def test_everything_that_a_compiler_could_lose_is_listed(tmp_path: Path) -> None:
    """Commands, services, pages, connectors, strategies and schemas: none of these lists is empty."""
    found = contents(Home(tmp_path))
    assert found["unreadable"] == []
    assert found["commands"] == [entry.name for entry in COMMANDS]
    assert {"bus", "trade", "dashboard"} <= set(found["services"])
    assert {"overview", "settings"} <= set(found["pages"])
    assert {"paper", "binance"} <= set(found["connectors"])
    assert "ema-cross" in found["strategies"]
    assert "0x0001 ErrorReply" in found["schemas"]
    assert "ccxt" in found["extras"]


def test_what_cannot_be_listed_is_told_beside_the_rest(tmp_path: Path) -> None:
    """A damaged manifest of the home empties the list of services, not the doctor's answer."""
    home = Home(tmp_path)
    folder = home.root / "services.d"
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: [")
    found = contents(home)
    assert found["services"] == []
    assert [sentence.partition(":")[0] for sentence in found["unreadable"]] == ["services"]
    assert found["pages"]
