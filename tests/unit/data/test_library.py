"""The local history: changed whole or not at all, imported, exported, reported on."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.configs.errors import SettingsError, UsageError
from cryptobot.services.data import incoming, l2
from cryptobot.services.data.columns import Columns
from cryptobot.services.data.files import read_series
from cryptobot.services.data.library import Library, SeriesName, merged, symbol_of_folder
from cryptobot.services.data.quality import report
from cryptobot.services.data.resample import of_trades, resample
from cryptobot.services.data.store import CandleStore, Gap, read_store, rewrite, rows_of
from cryptobot.services.data.take_in import export, take_in

SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no market data in {SHARED}")
MINUTE = 60_000
NAME = SeriesName("binance", "BTC/USDT", "1m")
REFUSED = {
    "btcusdt-depth-snap.csv": "single levels of books",
    "btcusdt-depth-update.csv": "single levels of books",
    "2024-12-01_XRPUSDT_ob500.data.zip": "its kind is not known",
    "BTC-USD_quotebars1m_20180405.parquet": "candles of bid and offer",
    "ETH-USD_bbo1s_20210701.parquet": "quotes",
    "binance-futures_book_snapshot_25_BTCUSDT.csv": "snapshots of books",
    "binance-futures_book_snapshot_5_BTCUSDT.csv": "snapshots of books",
    "deribit_incremental_book_L2_BTC-PERPETUAL.csv": "changes of books",
    "huobi-dm-swap_quotes_BTC-USD.csv": "quotes",
    "BTC-USD_trades_20110913-20120531.parquet": "row 8524: price or amount is not above zero",
}


def minutes(*indexes: int, price: float = 100.0) -> Columns:
    """Minute candles at these minutes."""
    times = np.array(indexes, np.int64) * MINUTE
    prices = price + np.array(indexes, float)
    return Columns(times, prices, prices + 1, prices - 1, prices, np.ones(len(indexes)))


def series_files() -> list[Path]:
    """Every file of market data but the recordings of streams."""
    return sorted(
        path
        for folder in ("ohlcv", "trades", "funding", "backtest", "l2")
        for path in (SHARED / folder).rglob("*.*")
        if path.is_file() and path.parent.name != "binance_ws"
    )


@shared
def test_every_file_of_market_data_is_imported_whole_or_refused_with_a_reason() -> None:
    """Candles, trades and funding rates are read whole; the others are refused by what they hold."""
    files = series_files()
    refused = {}
    for path in files:
        try:
            assert incoming.read(path).rows > 0
        except SettingsError as error:
            refused[path.name] = str(error)

    assert len(files) > 50
    assert set(refused) == set(REFUSED)
    assert all(told in refused[name] for name, told in REFUSED.items())


@shared
def test_recorded_books_rebuild_exactly() -> None:
    """Two recordings that follow each other rebuild one book: no gap, and every best price as told."""
    folder = SHARED / "l2" / "binance_ws"

    found = l2.check([folder / "spot_btcusdt_20240808.gz", folder / "spot_btcusdt_20240809.gz"])

    assert (found.symbol, found.gaps, found.wrong, found.compared) == ("BTCUSDT", 0, 0, 1072)
    assert (found.diffs, found.trades) == (6495, 19904)


@shared
def test_five_minutes_make_the_hours_of_the_venue() -> None:
    """Hourly candles made of five-minute ones are those that the venue gave, where both are whole."""
    short = read_series(SHARED / "ohlcv/binance/BTC-USDT_5m_20230101-20231230.parquet")
    long = read_series(SHARED / "ohlcv/binance/BTC-USDT_1h_20170817-20240421.parquet")

    made = resample(short.columns, "5m", "1h")

    _, first, second = np.intersect1d(made.open_ms, long.columns.open_ms, return_indices=True)
    assert len(first) == 8735
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(made, name)[first], getattr(long.columns, name)[second])
    np.testing.assert_allclose(made.volume[first], long.columns.volume[second], rtol=1e-9)


def test_only_whole_candles_are_made() -> None:
    """Seven minutes make one candle of five; the second is not finished."""
    assert len(resample(minutes(*range(5, 12)), "1m", "5m")) == 1
    with pytest.raises(SettingsError, match="no multiple"):
        resample(minutes(1, 2), "5m", "7m")


def test_trades_make_candles() -> None:
    """First, highest, lowest and last price and the sum of the amounts; the last minute may not be whole."""
    times = np.array([0, 10_000, 59_999, 60_000, 120_000], np.int64)
    made = of_trades(times, np.array([5.0, 9.0, 3.0, 4.0, 1.0]), np.array([1.0, 2.0, 3.0, 4.0, 5.0]), "1m")

    assert rows_of(made) == [(0, 5.0, 9.0, 3.0, 3.0, 6.0), (60_000, 4.0, 4.0, 4.0, 4.0, 4.0)]


def test_merging_keeps_what_is_known() -> None:
    """New candles are put in their places; one that differs does not replace the known one."""
    whole, new, differ = merged(minutes(3, 4), minutes(2, 3, 6, price=200.0))

    assert (whole.open_ms // MINUTE).tolist() == [2, 3, 4, 6]
    assert (new, differ, whole.close.tolist()) == (2, 1, [202.0, 103.0, 104.0, 206.0])


def test_a_rewrite_that_was_interrupted_is_finished_on_opening(tmp_path: Path, monkeypatch: Any) -> None:
    """A crash while the new candles are moved loses nothing, and readers see the new ones."""
    CandleStore(tmp_path, "1m").append(rows_of(minutes(5, 6)))
    moved = []

    def crash(self: Path, target: Path) -> Path:
        if len(moved) == 3:
            raise KeyboardInterrupt
        moved.append(target)
        os.rename(self, target)  # noqa: PTH104 - Path.rename is what is replaced here
        return target

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", crash)
        rewrite(tmp_path, "1m", minutes(2, 5, 6))

    assert read_store(tmp_path).close.tolist() == [102.0, 105.0, 106.0]
    assert rows_of(CandleStore(tmp_path, "1m").columns()) == rows_of(minutes(2, 5, 6))
    assert not (tmp_path / "new").exists()


def test_a_series_has_one_writer(tmp_path: Path) -> None:
    """While one writes, another is refused with the way out."""
    library = Library(tmp_path)
    second = library.writing(NAME)
    with library.writing(NAME), pytest.raises(UsageError, match="cryptobot stop data"):
        second.__enter__()


@pytest.mark.parametrize(("symbol", "folder"), [("BTC/USDT", "BTC-USDT"), ("BTC/USDT:USDT", "BTC-USDT-USDT")])
def test_folders_tell_their_markets(symbol: str, folder: str) -> None:
    """The market of a series is known from its folder."""
    assert symbol_of_folder(folder) == symbol


def test_an_import_goes_into_the_history_once(tmp_path: Path) -> None:
    """The same file again adds nothing; a gap is counted."""
    file = tmp_path / "BTC-USDT.csv"
    rows = [f"{index * MINUTE + 1_600_000_020_000},1,2,1,1,5" for index in (0, 1, 2, 5)]
    file.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows))
    library = Library(tmp_path / "market")

    first = take_in(library, file, "binance", "", "")
    again = take_in(library, file, "binance", "", "")

    assert (first.added, first.missing, again.added, again.differ) == (4, 2, 0, 0)
    assert library.series() == [NAME]


def test_a_file_that_tells_no_market_asks_for_it(tmp_path: Path) -> None:
    """The market is said with --symbol when the name does not tell it."""
    file = tmp_path / "mine.csv"
    file.write_text(
        "timestamp,open,high,low,close,volume\n1600000020000,1,1,1,1,1\n1600000080000,1,1,1,1,1\n"
    )

    with pytest.raises(UsageError, match="--symbol"):
        take_in(Library(tmp_path / "market"), file, "binance", "", "")


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_what_is_exported_can_be_imported(tmp_path: Path, name: str) -> None:
    """Parquet and CSV hold every candle to the last digit; other readers read the Parquet file."""
    library = Library(tmp_path / "market")
    columns = minutes(*range(28_000_000, 28_000_300), price=0.1)
    with library.writing(NAME) as store:
        store.append(rows_of(columns))

    count = export(library, NAME, tmp_path / name, 0, 10**15, "1m")

    assert count == 300
    assert rows_of(read_series(tmp_path / name).columns) == rows_of(columns)
    if name.endswith("parquet"):
        table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / name)
        assert table["close"].to_pylist() == columns.close.tolist()
        assert str(table.schema.field("timestamp").type) == "timestamp[ms, tz=UTC]"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (("2023-11-14T23:00:00+01:00", "2023-11-14T23:01:00"), "row 2: some times have an offset"),
        (("2023-11-14T22:30:00", "2023-11-14T23:30:00"), "opens 30 minutes after the whole; are its times"),
    ],
)
def test_times_of_a_wrong_timezone_are_told(tmp_path: Path, rows: tuple[str, ...], told: str) -> None:
    """Mixed offsets, and candles that cannot begin where they do in UTC, are refused with the row."""
    file = tmp_path / "BTC-USDT.csv"
    file.write_text("date,open,high,low,close,volume\n" + "".join(f"{row},1,1,1,1,1\n" for row in rows))

    with pytest.raises(SettingsError, match=told):
        take_in(Library(tmp_path / "market"), file, "binance", "", "")


def test_an_export_of_an_empty_range_is_refused(tmp_path: Path) -> None:
    """The sentence says what there is; no file is written."""
    library = Library(tmp_path / "market")
    with library.writing(NAME) as store:
        store.append(rows_of(minutes(1, 2)))

    with pytest.raises(SettingsError, match="no candles in this range; the series holds 1970-01-01 00:01"):
        export(library, NAME, tmp_path / "out.csv", 10**12, 10**13, "")
    assert not (tmp_path / "out.csv").exists()


def test_an_export_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The name must say which kind of file is wanted."""
    library = Library(tmp_path / "market")
    with library.writing(NAME) as store:
        store.append(rows_of(minutes(1, 2)))

    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        export(library, NAME, tmp_path / "out.xlsx", 0, 10**15, "")


def test_a_report_tells_what_is_odd() -> None:
    """Gaps with what is known of them, candles without volume, jumps, duplicates, disorder, broken ones."""
    columns = minutes(1, 2, 3, 7, 8, 8, 12, 11, 13)
    columns.volume[3:5] = 0
    columns.close[2], columns.high[2], columns.low[1] = 900.0, 900.0, 5000.0

    found = report(columns, "1m", [Gap(4 * MINUTE, 6 * MINUTE, "the venue has no such candle", 0)])

    assert (found.gaps, found.missing, found.unexplained_gaps) == (3, 7, 2)
    assert found.holes[0].reason == "the venue has no such candle"
    assert (found.zero_volume, found.longest_quiet) == (2, 2)
    assert (found.duplicates, found.unsorted, found.broken, found.clean) == (1, 1, 1, False)
    assert found.examples[0].open_ms in (2 * MINUTE, 3 * MINUTE)


def test_a_sound_series_is_clean() -> None:
    """Nothing is found where nothing is."""
    found = report(minutes(*range(100)), "1m")

    assert (found.clean, found.outliers, found.gaps) == (True, 0, 0)
