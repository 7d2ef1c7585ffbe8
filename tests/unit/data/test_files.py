"""Candle files are taken whole or refused with one sentence."""

import gzip
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.services.data.files import cut, read_series, symbol_of
from cryptobot.services.data.store import CandleStore

SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
HEAD = "timestamp,open,high,low,close,volume\n"
ROWS = "1700000040000,10,12,9,11,1.5\n1700000100000,11,13,10,12,2\n1700000160000,12,12,11,11,0\n"


def written(folder: Path, text: str, name: str = "BTC-USDT_1m.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_csv_file_becomes_columns(tmp_path: Path) -> None:
    """Times, prices, timeframe and market come from the file and its name."""
    series = read_series(written(tmp_path, HEAD + ROWS))

    assert (series.symbol, series.timeframe, series.missing) == ("BTC/USDT", "1m", 0)
    assert series.columns.open_ms.tolist() == [1700000040000, 1700000100000, 1700000160000]
    assert series.columns.close.tolist() == [11.0, 12.0, 11.0]


@pytest.mark.parametrize("unit", [1e-3, 1, 1e3, 1e6])
def test_times_in_any_usual_unit(tmp_path: Path, unit: float) -> None:
    """Seconds, milli-, micro- and nanoseconds are told apart by their size."""
    rows = "".join(f"{int(1700000040000 * unit + place * 60000 * unit)},1,1,1,1,1\n" for place in range(3))

    assert read_series(written(tmp_path, HEAD + rows)).columns.open_ms[0] == 1700000040000


@pytest.mark.parametrize("text", ["2023-11-14T22:14:00Z", "2023-11-14 22:14:00", "2023-11-14T23:14:00+01:00"])
def test_times_as_text(tmp_path: Path, text: str) -> None:
    """ISO 8601 with an offset is converted; without one it is UTC."""
    rows = f"{text},1,1,1,1,1\n{text.replace(':14:', ':15:')},1,1,1,1,1\n"

    assert read_series(written(tmp_path, HEAD + rows)).columns.open_ms[0] == 1700000040000


def test_a_file_that_is_sorted_newest_first_is_turned_round(tmp_path: Path) -> None:
    """Rows in falling order of time are taken as the same candles."""
    lines = ROWS.splitlines(keepends=True)

    assert read_series(written(tmp_path, HEAD + "".join(lines[::-1]))).columns.open_ms[0] == 1700000040000


def test_other_kinds_of_files(tmp_path: Path) -> None:
    """Zip and gzip of CSV, without header as Binance has it, and freqtrade's JSON give the same candles."""
    vision = "".join(line + ",0,0,0,0,0,0\n" for line in ROWS.splitlines())
    with zipfile.ZipFile(tmp_path / "BTCUSDT-1m.zip", "w") as archive:
        archive.writestr("BTCUSDT-1m.csv", vision)
    (tmp_path / "BTC-USDT.csv.gz").write_bytes(gzip.compress((HEAD + ROWS).encode()))
    rows = [[float(value) for value in line.split(",")] for line in ROWS.splitlines()]
    (tmp_path / "BTC_USDT-1m.json").write_text(json.dumps(rows))
    read = [read_series(path) for path in sorted(tmp_path.iterdir())]

    assert len(read) == 3
    for series in read:
        assert series.symbol == "BTC/USDT"
        assert series.columns.open.tolist() == [10.0, 11.0, 12.0]


def test_the_local_store_is_read_like_a_file(tmp_path: Path) -> None:
    """A folder of the store is a series; a half-written candle at its end is neither counted nor touched."""
    folder = tmp_path / "paper" / "BTC-USDT" / "1m"
    store = CandleStore(folder, "1m")
    store.append([(60_000 * place, 1.0, 2.0, 0.5, 1.5, 1.0) for place in range(1, 5)])
    with (folder / "open.f64").open("ab") as file:
        file.write(b"half")
    series = read_series(folder)

    assert (series.symbol, series.timeframe, len(series.columns)) == ("BTC/USDT", "1m", 4)
    assert (folder / "open.f64").stat().st_size == 36
    with pytest.raises(SettingsError, match="cannot be read"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it holds no candle"),
        (HEAD, "it holds no candle"),
        (HEAD + "1700000040000,1,1,1,1,1\n", "it holds one candle"),
        ("when,open,high,low,close,volume\na,1,1,1,1,1\n", "no time column"),
        ("timestamp,open,high,low,volume\n1700000040000,1,1,1,1,9\n", "lacks the column close"),
        (HEAD + "1700000040000,1,1,1,x,1\n", "row 1: close is 'x', not a number"),
        (HEAD + "1700000040000,1,1,1,nan,1\n", "row 1: close is missing"),
        (HEAD + "yesterday,1,1,1,1,1\n", "row 1: 'yesterday' is no time"),
        (HEAD + ROWS + "1700000160000,1,1,1,1,1\n", "row 4: a second candle of 2023-11-14 22:16:00"),
        (HEAD + ROWS + "1700000040001,1,1,1,1,1\n", "row 4: 2023-11-14 22:14:00 is earlier"),
        (HEAD + ROWS + "1700000200000,1,1,1,1,1\n", "row 4: 2023-11-14 22:16:40 does not lie on the grid"),
        (HEAD + ROWS + "1700000220000,1,2,3,1,1\n", "row 4 (2023-11-14 22:17:00): low, open, close and high"),
        (HEAD + ROWS + "1700000220,1,1,1,1,1\n", "mix units"),
        (HEAD + "1700000040000,1,1\n", "row 2 has 3 values"),
        (HEAD + "5,1,1,1,1,1\n6,1,1,1,1,1\n", "no time since 1970"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    """The sentence names the file, the row and what is wrong."""
    path = written(tmp_path, text)

    with pytest.raises(SettingsError) as error:
        read_series(path)

    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["x.txt.doc", "x.parquet", "x.zip", "x.json"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    """Bytes that are not what the name says are refused, not guessed at."""
    path = tmp_path / name
    path.write_bytes(b"neither this nor that")

    with pytest.raises(SettingsError, match="no usable candle file"):
        read_series(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(SettingsError, match="No such file"):
        read_series(tmp_path / "none.csv")


def test_a_range_without_candles_tells_what_there_is(tmp_path: Path) -> None:
    """An empty range is answered with the file's own range."""
    columns = read_series(written(tmp_path, HEAD + ROWS)).columns

    assert len(cut(columns, 1700000100000, 1700000160000)) == 1
    with pytest.raises(SettingsError, match="holds 2023-11-14 22:14:00 to 2023-11-14 22:16:00"):
        cut(columns, 1800000000000, None)


def test_names_tell_markets() -> None:
    """The usual names of files tell the market; others tell none."""
    assert symbol_of(Path("spot-klines-BTCUSDT-1h-2024.zip")) == "BTC/USDT"
    assert symbol_of(Path("ADA-BTC_1m_2018.parquet")) == "ADA/BTC"
    assert symbol_of(Path("candles.csv")) == ""


@pytest.mark.skipif(not SHARED.exists(), reason="the shared test data are not there")
def test_all_series_of_the_test_data_are_read() -> None:
    """Every candle series is taken, with the number of missing candles that its description states."""
    series = {path.name: read_series(path) for path in sorted(SHARED.glob("ohlcv/*/*.*"))}

    assert len(series) >= 41
    assert series["BTC-USDT_1h_20170817-20240421.parquet"].missing == 128
    assert series["BTC-USD_1m_20140101-20141121.parquet"].missing == 184155
    assert sum(len(one.columns) for one in series.values()) == 1_775_036 + 24


@pytest.mark.skipif(not SHARED.exists(), reason="the shared test data are not there")
@pytest.mark.parametrize(
    "name", ["trades/gemini/ETH-USD_trades_20210701.parquet", "l2/tardis/bitmex_trades_XBTUSD.csv"]
)
def test_other_data_are_refused_as_candles(name: str) -> None:
    """Trades and books are no candles, and the sentence says what lacks."""
    with pytest.raises(SettingsError, match="lacks the column open"):
        read_series(SHARED / name)


def test_prices_are_kept_bit_by_bit(tmp_path: Path) -> None:
    """A price is the float that its text means."""
    value = "0.1000000000000000055"
    series = read_series(
        written(tmp_path, HEAD + f"1700000040000,{value},1,0.01,0.1,1\n1700000100000,1,1,1,1,1\n")
    )

    assert np.float64(0.1) == series.columns.open[0]


def test_a_feather_file_of_freqtrade_is_imported(tmp_path: Path) -> None:
    """Its own columns (date in UTC, compressed by LZ4) become the same candles, whatever the unit of time."""
    pyarrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    rows = [[float(value) for value in line.split(",")] for line in ROWS.splitlines()]
    names = ("open", "high", "low", "close", "volume")
    prices = {name: [row[place] for row in rows] for place, name in enumerate(names, 1)}
    for unit, per_ms in (("ms", 1), ("ns", 1_000_000)):
        times = pyarrow.array([int(row[0]) * per_ms for row in rows], pyarrow.timestamp(unit, tz="UTC"))
        path = tmp_path / f"BTC_USDT-1m-{unit}.feather"
        feather.write_feather(pyarrow.table({"date": times, **prices}), str(path), compression="lz4")
        named = tmp_path / unit / "BTC_USDT-1m.feather"
        named.parent.mkdir()
        path.rename(named)
        series = read_series(named)
        assert (series.symbol, series.timeframe) == ("BTC/USDT", "1m")
        assert series.columns.open_ms.tolist() == [int(row[0]) for row in rows]
        assert series.columns.volume.tolist() == [row[5] for row in rows]
