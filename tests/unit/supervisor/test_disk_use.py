"""Whose files are how large, found a piece at a time."""

from pathlib import Path

from cryptobot.configs.paths import Home
from cryptobot.supervisor.watch.diskuse import disk_walk


def _walked(home: Home) -> tuple[dict[str, int], int]:
    walk, pauses = disk_walk(home), 0
    while True:
        try:
            next(walk)
        except StopIteration as end:
            return dict(end.value), pauses
        pauses += 1


def test_logs_databases_journals_and_folders_have_their_owner(tmp_path: Path) -> None:
    """What belongs to nobody is counted apart; links are not followed."""
    home = Home(tmp_path / "home")
    for number, name in enumerate(
        (
            "logs/trade.log",
            "logs/trade.log.2.gz",
            "state/databases/trade.sqlite",
            "state/databases/trade.sqlite-wal",
            "state/journal/outbox/trade/0000000000000001.seg",
            "state/epochs/trade",
            "state/positions/trade/audit",
            "state/journal/stream/1.seg",
            "state/market/btc/1.bin",
            "state/strategy/memory.json",
            "config.yaml",
            "state/stopped-services.json",
        )
    ):
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10**number if number < 7 else b"x" * 5)
    (home.root / "logs" / "link.log").symlink_to("/dev/zero")
    found, _ = _walked(home)
    assert found == {"trade": 1_111_111, "bus": 5, "data": 5, "strategy": 5, "": 10}


def test_a_home_with_many_files_is_walked_with_pauses(tmp_path: Path) -> None:
    """The supervisor answers in between; a file that goes meanwhile does not matter."""
    home = Home(tmp_path / "home")
    folder = home.root / "state" / "market"
    folder.mkdir(parents=True)
    for number in range(350):
        (folder / str(number)).write_bytes(b"12")
    found, pauses = _walked(home)
    assert (found, pauses) == ({"data": 700}, 3)
    assert _walked(Home(tmp_path / "nowhere")) == ({}, 0)
