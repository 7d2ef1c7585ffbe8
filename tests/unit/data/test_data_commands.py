"""`cryptobot data …` as it is called: JSON alone on stdout, sentences on stderr, exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.paths import Home
from cryptobot.services.data import cli, cli_venue
from cryptobot.services.data.library import Library, SeriesName

HEAD = "timestamp,open,high,low,close,volume\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten minutes of candles with a gap of two."""
    path = tmp_path / "BTC-USDT_1m.csv"
    minutes = [minute for minute in range(10) if minute not in (4, 5)]
    path.write_text(HEAD + "".join(f"{1_600_000_200_000 + one * 60_000},2,3,1,2,5\n" for one in minutes))
    return path


def test_a_file_goes_in_is_listed_checked_and_comes_out(home: Home, file: Path, capsys: Any) -> None:
    """Import, list, check and export work on the same series; each prints one JSON document."""
    out = file.with_name("out.parquet")
    codes = [
        cli.main(home, [*words, "--json"])
        for words in (
            ["import", str(file), "--exchange", "binance"],
            ["list"],
            ["check"],
            ["export", "BTC/USDT", "5m", str(out)],
        )
    ]
    told = capsys.readouterr()
    imported, listed, checked, exported = (json.loads(line) for line in told.out.splitlines())

    assert codes == [0, 0, 1, 0]
    assert (imported["imported"][0]["added"], imported["refused"]) == (8, [])
    assert (listed[0]["symbol"], listed[0]["candles"]) == ("BTC/USDT", 8)
    assert (checked[0]["gaps"], checked[0]["missing"], checked[0]["unexplained_gaps"]) == (1, 2, 1)
    assert (exported["candles"], out.exists()) == (2, True)


def test_tables_are_for_people(home: Home, file: Path, capsys: Any) -> None:
    """Without --json the same is told in lines."""
    for words in (["import", str(file)], ["list"], ["check"]):
        cli.main(home, words)
    told = capsys.readouterr().out

    assert "imported BTC/USDT 1m: 8 candles, 2020-09-13 12:30 to 2020-09-13 12:39" in told
    assert "gaps 1 (2 candles, 1 not asked for yet)" in told


def test_a_refused_file_is_told_and_the_others_are_taken(home: Home, file: Path, capsys: Any) -> None:
    """One bad file among several: its sentence, exit code 1, the rest is in."""
    bad = file.with_name("ETH-USDT_1m.csv")
    bad.write_text(HEAD + "1600000200000,2,1,1,2,5\n1600000260000,2,3,1,2,5\n")

    code = cli.main(home, ["import", str(bad), str(file)])

    assert code == 1
    assert "row 1" in capsys.readouterr().err
    assert [name.symbol for name in Library(home.state / "market").series()] == ["BTC/USDT"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["list"], 0, "There is no history yet"),
        (["check", "ETH/USDT"], 2, "No series fits ETH/USDT"),
        (["export", "ETH/USDT", "1h", "x.csv"], 2, "No series fits ETH/USDT"),
        (["fetch", "BTC/USDT", "1h", "--from", "2024-02-01", "--to", "2024-01-01"], 2, "later than --from"),
        (["fetch", "BTC/USDT", "1h", "--from", "yesterday"], 2, "is no date"),
        (["fetch", "BTC/USDT", "1h", "--from", "2024-01-01"], 3, "The paper exchange does not run"),
        (
            ["fetch", "BTC/USDT", "1h", "--from", "2024-01-01", "--exchange", "binanc"],
            2,
            "Did you mean 'binance'",
        ),
    ],
)
def test_what_cannot_be_done_is_told(home: Home, words: list[str], code: int, told: str, capsys: Any) -> None:
    """One sentence on stderr, nothing on stdout, and the documented exit code."""
    assert cli.main(home, words) == code

    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.out == ""


def test_fetch_and_repair_work_on_the_venues_history(
    home: Home, venue: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the venue has goes into the history; what it gets later is repaired."""

    async def opened(*_names: Any, **_more: Any) -> Any:
        return venue

    async def markets() -> dict[str, Any]:
        return {"BTC/USDT": None}

    async def close() -> None:
        return

    venue.load_markets, venue.close = markets, close
    monkeypatch.setattr(cli_venue, "open_venue", opened)
    venue.holds(*range(100, 105), *range(107, 110))
    span = ["--from", "1970-01-01T00:01:40", "--to", "1970-01-01T00:01:50", "--exchange", "binance"]
    assert cli.main(home, ["fetch", "BTC/USDT", "1s", *span, "--json"]) == 0
    venue.holds(105, 106)
    assert cli.main(home, ["repair", "BTC/USDT", "1s", "--exchange", "binance", "--json"]) == 0
    fetched, (repaired,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())

    assert (fetched["added"], fetched["gaps_marked"]) == (8, 1)
    assert (repaired["added"], repaired["gaps_filled"], repaired["candles"]) == (2, 1, 10)
    name = SeriesName("binance", "BTC/USDT", "1s")
    assert len(Library(home.state / "market").read(name)) == 10
