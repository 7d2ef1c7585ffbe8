"""Backtests whose results, and searches whose studies, live on a server or in an encrypted file."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.services.backtest import cli
from cryptobot.services.backtest.archive import Archive
from cryptobot.services.backtest.check import sample
from cryptobot.services.data.columns import NAMES

WORDS = ("ema-cross", "--workers", "1")
GRID = ("--param", "fast=3:20", "--param", "slow=30:60:10", "--goal", "total_return")


@pytest.fixture(scope="module")
def candles(tmp_path_factory: Any) -> Path:
    """A CSV file of sample candles."""
    path: Path = tmp_path_factory.mktemp("elsewhere") / "BTC-USDT_1h.csv"
    columns = sample(1600).columns
    rows = np.column_stack([getattr(columns, name) for name in NAMES]).tolist()
    times = columns.open_ms.tolist()
    lines = [",".join(map(repr, [time, *row])) for time, row in zip(times, rows, strict=True)]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
    return path


def ask(home: Home, capsys: Any, *words: str) -> Any:
    assert cli.main(home, [*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_search_keeps_its_study_in_postgresql(
    candles: Path, tmp_path: Path, running_server: Any, capsys: Any
) -> None:
    """Five trials, then ten in the same study of a server that many machines share: none is made again, and
    they are those of a study in a file.
    """
    pytest.importorskip("optuna")
    import psycopg

    server, password = running_server("postgresql"), "a password of the tests"
    plain = server.url().partition("?")[0]
    login = plain.replace("://cryptobot@", f"://cryptobot:{quote(password)}@")
    storage = login.replace("postgresql://", "postgresql+psycopg://")
    words = ("optimize", *WORDS, "--data", str(candles), *GRID)
    here = Home(tmp_path / "here")
    first = ask(here, capsys, *words, "--trials", "5", "--storage", storage)
    second = ask(Home(tmp_path / "there"), capsys, *words, "--trials", "10", "--storage", storage)
    alone = ask(Home(tmp_path / "alone"), capsys, *words, "--trials", "5")
    assert second["runs"][:5] == first["runs"]
    assert (len(first["runs"]), len(second["runs"])) == (5, 10)
    assert first["runs"] == alone["runs"]
    with psycopg.connect(login) as connection:
        (trials,) = connection.execute("SELECT count(*) FROM trials").fetchone()
    assert trials == 10


def test_kept_runs_live_where_the_home_keeps_its_data(place: Any, candles: Path, capsys: Any) -> None:
    """A backtest, a sweep and their reports on every engine: the same hash, listed and read again."""
    place.home.databases.mkdir(parents=True, exist_ok=True)
    snapshot.write(place.home, Settings(database=place.settings))
    words = ("run", *WORDS[:1], "--data", str(candles), "--param", "fast=5", "--param", "slow=20")
    kept = ask(place.home, capsys, *words)
    bare = ask(Home(place.home.root.parent / "bare"), capsys, *words, "--no-save")
    grid = ("--param", "fast=5,8", "--param", "slow=20")
    swept = ask(place.home, capsys, "sweep", *WORDS, "--data", str(candles), *grid)
    assert kept["run_hash"] == bare["run_hash"]
    with Archive(place.home) as archive:
        assert [run.id for run in archive.runs()] == [swept["id"], kept["id"]]
        assert len(archive.trials(swept["id"])) == 2
    files = {path.name for path in place.home.databases.glob("*")}
    assert ("backtest.sqlite" in files) == (place.engine in ("sqlite", "sqlcipher")), files
