"""Kept runs, reports, Monte Carlo, searches and the command line."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.configs.errors import UsageError
from cryptobot.configs.paths import Home
from cryptobot.services.accounting.series import falls, months
from cryptobot.services.backtest import cli
from cryptobot.services.backtest.archive import Archive
from cryptobot.services.backtest.check import sample
from cryptobot.services.backtest.monte_carlo import monte_carlo
from cryptobot.services.data.columns import NAMES


@pytest.fixture(scope="module")
def candles(tmp_path_factory: Any) -> Path:
    """A CSV file of sample candles."""
    path: Path = tmp_path_factory.mktemp("kept") / "BTC-USDT_1h.csv"
    columns = sample(1600).columns
    rows = np.column_stack([getattr(columns, name) for name in NAMES]).tolist()
    times = columns.open_ms.tolist()
    lines = [",".join(map(repr, [time, *row])) for time, row in zip(times, rows, strict=True)]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
    return path


def ask(home: Home, capsys: Any, *words: str) -> Any:
    assert cli.main(home, [*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_run_is_kept_listed_compared_and_reported(candles: Path, tmp_path: Path, capsys: Any) -> None:
    """From the command to the page, by the id of the run."""
    home = Home(tmp_path / "home")
    words = ("run", "ema-cross", "--data", str(candles), "--param", "fast=5", "--param", "slow=20")
    first = ask(home, capsys, *words)
    second = ask(home, capsys, *words[:-1], "slow=40")
    listed = ask(home, capsys, "list")
    compared = ask(home, capsys, "compare", first["id"], second["id"])
    page = tmp_path / "page.html"
    told = ask(home, capsys, "report", first["id"], "--to", str(page))

    assert [run["id"] for run in listed] == [second["id"], first["id"]]
    assert compared[0]["summary"]["metrics"]["total_return"] == first["metrics"]["total_return"]
    assert told == {"report": str(page), "png": None, "same": True}
    assert first["run_hash"][:16] in page.read_text()


def test_a_report_needs_no_network(candles: Path, tmp_path: Path, capsys: Any) -> None:
    """One file: nothing in it is loaded from elsewhere, and its data cannot end its script."""
    home, page = Home(tmp_path / "home"), tmp_path / "r.html"
    ask(home, capsys, "run", "ema-cross", "--data", str(candles), "--report", str(page), "--no-save")
    text = page.read_text()

    assert not re.search(r"(src|href)\s*=|@import|url\(|https?://", text)
    assert "default-src 'none'" in text
    assert text.count("</script>") == 1
    assert "@@" not in text


def test_a_picture_is_a_png(candles: Path, tmp_path: Path, capsys: Any) -> None:
    """--png writes what every viewer reads."""
    pytest.importorskip("matplotlib")
    picture = tmp_path / "r.png"
    words = ("run", "ema-cross", "--data", str(candles), "--png", str(picture), "--no-save")
    ask(Home(tmp_path / "home"), capsys, *words)

    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_sweep_goes_on_where_it_was_broken_off(
    candles: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    """Rows that were kept are not run again; the whole is that of one go."""
    home = Home(tmp_path / "home")
    words = ("sweep", "ema-cross", "--data", str(candles), "--param", "fast=3:14:1", "--param", "slow=20,30")
    kept: list[int] = []
    keep = Archive.keep_trials

    def broken(self: Archive, run: str, rows: Any) -> None:
        keep(self, run, rows)
        kept.append(len(list(rows)))
        raise KeyboardInterrupt

    monkeypatch.setattr(Archive, "keep_trials", broken)
    assert cli.main(home, [*words, "--workers", "1"]) == 1
    assert "goes on from there" in capsys.readouterr().err
    monkeypatch.setattr(Archive, "keep_trials", keep)
    with Archive(home) as archive:
        (run,) = archive.runs()
        before = archive.trials(run.id)
    again = ask(home, capsys, *words, "--workers", "1")
    whole = ask(Home(tmp_path / "other"), capsys, *words, "--workers", "1")

    assert (run.state, len(before)) == ("cancelled", kept[0])
    assert 0 < len(before) < 24
    assert again["id"] == run.id
    assert again["runs"] == whole["runs"]


def test_a_search_goes_on_with_its_study(candles: Path, tmp_path: Path, capsys: Any) -> None:
    """Five trials, then ten: the first five are those of before."""
    pytest.importorskip("optuna")
    home = Home(tmp_path / "home")
    words = ("optimize", "ema-cross", "--data", str(candles), "--workers", "1", "--goal", "total_return")
    grid = ("--param", "fast=3:20", "--param", "slow=30:60:10")
    first = ask(home, capsys, *words, *grid, "--trials", "5")
    second = ask(home, capsys, *words, *grid, "--trials", "10")

    assert len(first["runs"]) == 5
    assert second["runs"][:5] == first["runs"]
    assert len(second["runs"]) == 10
    assert all(30 <= run["parameters"]["slow"] <= 60 for run in second["runs"])


def test_a_monte_carlo_is_the_same_for_the_same_seed() -> None:
    """Shuffling leaves the product; the same seed gives the same numbers."""
    returns = np.random.default_rng(1).normal(0.002, 0.02, 80)
    first, again, other = (monte_carlo(returns, 500, seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert first.drawdown["p5"] <= first.drawdown["p50"] <= 0
    with pytest.raises(UsageError, match="at least two"):
        monte_carlo([0.1], 100, 1)


def test_months_and_falls_are_those_of_the_curve() -> None:
    """Months compound to the whole; the deepest fall has its height, bottom and end."""
    times = np.arange(0, 90, dtype=np.int64) * 86_400_000
    equity = 100 * np.concatenate((np.linspace(1, 2, 40), np.linspace(2, 1.5, 20), np.linspace(1.5, 3, 30)))
    found = list(months(times, equity))
    drawdown = equity / np.maximum.accumulate(equity) - 1
    deepest = falls(times, drawdown)[0]

    assert np.prod([1 + value for _, _, value in found]) == pytest.approx(3.0)
    assert [row[:2] for row in found] == [(1970, 1), (1970, 2), (1970, 3)]
    assert deepest[0] == pytest.approx(-0.25)
    assert deepest[1] == 39 * 86_400_000 or deepest[1] == 40 * 86_400_000
    assert deepest[3] is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "ema-cross"), "--data FILE"),
        (("run", "ema-cros", "--data", "x.csv"), "ema-cross"),
        (("run", "ema-cross", "--data", "nothing.csv"), "nothing.csv cannot be read"),
        (("report", "r0"), "There is no run 'r0'"),
        (("sweep", "ema-cross", "--data", "x.csv", "--param", "fats=1"), "did you mean 'fast'"),
        (("optimize", "ema-cross", "--data", "x", "--trials", "0"), "--trials"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(tmp_path: Path, capsys: Any, words: Any, told: str) -> None:
    """Exit code 2, the sentence on stderr, nothing on stdout."""
    assert cli.main(Home(tmp_path), [*words]) == 2
    spoken = capsys.readouterr()

    assert told in spoken.err
    assert spoken.out == ""


def test_a_further_market_needs_a_file(candles: Path, tmp_path: Path, capsys: Any) -> None:
    """Half a word is told with the way to write it."""
    assert cli.main(Home(tmp_path), ["run", "ema-cross", "--data", str(candles), "--also", "ETH="]) == 2
    assert "MARKET=FILE" in capsys.readouterr().err


def test_what_fails_has_exit_code_1(tmp_path: Path, capsys: Any) -> None:
    """A strategy that never trades fails its check."""
    idle = tmp_path / "idle.py"
    idle.write_text("from cryptobot import Strategy\n\n\nclass Idle(Strategy):\n    pass\n")

    assert cli.main(Home(tmp_path / "home"), ["check", str(idle)]) == 1
    assert "FAIL  trades" in capsys.readouterr().out
