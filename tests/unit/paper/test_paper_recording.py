"""The bundled prices."""

import os
from pathlib import Path

import pytest
from cryptobot.services.paper import recording
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
PARQUET = DATA / "ohlcv" / "coinbase" / "BTC-USD_1h_20170701-20191017.parquet"
PACKED = Path(recording.__file__).parent / "prices" / recording.BUNDLED


def test_there_are_twenty_thousand_hours() -> None:
    """20,111 hourly candles from 2017-07-01 11:00 UTC on, in less than 500 KB."""
    found = recording.bundled()

    assert len(found) == 20_111
    assert found[0].time_ms == 1_498_906_800_000
    assert found[20_110].time_ms == 1_571_302_800_000
    assert PACKED.stat().st_size < 500_000


def test_every_candle_is_one() -> None:
    """Low and high enclose open and close; no price is zero."""
    found = recording.bundled()

    for number in range(len(found)):
        bar = found[number]
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume >= 0


def test_after_the_last_candle_comes_the_first() -> None:
    """Numbers count on over the end."""
    found = recording.bundled()

    assert found[20_111] == found[0]
    assert found[-1] == found[20_110]


def test_the_prices_are_those_of_the_parquet_file() -> None:
    """Number by number, where the file is present."""
    if not PARQUET.exists():
        pytest.skip(f"{PARQUET} is not there")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(PARQUET).to_pylist()
    found = recording.bundled()

    assert len(rows) == len(found)
    for number, row in enumerate(rows):
        bar = found[number]
        assert bar.time_ms == int(row["timestamp"].timestamp() * 1000)
        told = [row[name] for name in ("open", "high", "low", "close", "volume")]
        assert [v / 10**8 for v in (bar.open, bar.high, bar.low, bar.close, bar.volume)] == told


def test_the_texts_of_the_source_come_back() -> None:
    """The first and the last row as they stand in the CSV file."""
    rows = recording.texts(PACKED.read_bytes())

    assert rows[0] == ("2505.56", "2513.38", "2495.12", "2509.17", "114.6", "287000.32")
    assert rows[-1] == ("8051", "8056.83", "8021.23", "8035.88", "61.25", "492394.56")
    assert ("7993.54", "7995.81", "7957.55", "7966.43", "198.66", "1584534.0") in rows


texts = st.from_regex(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,5})?", fullmatch=True)
rows = st.lists(st.tuples(*[texts] * 6), min_size=1, max_size=20)


@given(rows)
@settings(deadline=None)
def test_packing_loses_nothing(source: list[tuple[str, ...]]) -> None:
    """Any texts with up to five decimals come back as they were, trailing zeros included."""
    assert recording.texts(recording.pack(source, 0)) == source
