"""The local history survives crashes, full disks and strange files."""

from pathlib import Path

import numpy as np
import pytest
from cryptobot.bus.contracts.market import timeframe_ms
from cryptobot.configs.errors import SettingsError
from cryptobot.services.data.store import CandleStore, Gap, Row
from cryptobot.services.data.text import decimal_text


def row(index: int) -> Row:
    return (index * 1000, 1.0 + index, 2.0 + index, 0.5 + index, 1.5 + index, 1e-8)


def test_candles_come_back_bit_by_bit(tmp_path: Path) -> None:
    """What was appended is read back unchanged, by this store and by the next one."""
    store = CandleStore(tmp_path, "1s")
    store.append([row(1), row(2)])
    store.append([row(2), row(3)])

    for opened in (store, CandleStore(tmp_path, "1s")):
        columns = opened.columns()
        assert columns.open_ms.tolist() == [1000, 2000, 3000]
        assert columns.close.tolist() == [2.5, 3.5, 4.5]
        assert columns.volume.tolist() == [1e-8] * 3
        assert opened.last_open_ms == 3000


def test_an_empty_store_has_empty_columns(tmp_path: Path) -> None:
    """A market without history gives columns of length 0."""
    store = CandleStore(tmp_path, "1s")

    assert 0 == len(store.columns()) == len(store.newest(10)) == store.last_open_ms


def test_newest_cuts_by_count_and_time(tmp_path: Path) -> None:
    """The newest candles are given, and none before the time asked for."""
    store = CandleStore(tmp_path, "1s")
    store.append([row(index) for index in range(1, 11)])

    assert store.newest(2).open_ms.tolist() == [9000, 10000]
    assert store.newest(5, since_ms=8500).open_ms.tolist() == [9000, 10000]


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 20])
@pytest.mark.parametrize("name", ["open_ms.i64", "open.f64", "volume.f64"])
def test_a_torn_tail_is_cut(tmp_path: Path, name: str, cut: int) -> None:
    """Whatever column lost its end, the candles that are whole remain and appending goes on."""
    store = CandleStore(tmp_path, "1s")
    store.append([row(index) for index in range(1, 6)])
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[:-cut])
    opened = CandleStore(tmp_path, "1s")
    left = len(opened)
    opened.append([row(index) for index in range(1, 7)])

    assert 5 - (cut + 7) // 8 == left
    assert [index * 1000 for index in range(1, 7)] == CandleStore(tmp_path, "1s").columns().open_ms.tolist()


def test_zeros_at_the_end_are_cut(tmp_path: Path) -> None:
    """A file that a power cut extended with zeros loses them."""
    store = CandleStore(tmp_path, "1s")
    store.append([row(1), row(2)])
    for file in tmp_path.glob("*.?64"):
        with file.open("ab") as end:
            end.write(bytes(16))

    assert CandleStore(tmp_path, "1s").columns().open_ms.tolist() == [1000, 2000]


@pytest.mark.parametrize("times", [[1500], [3000, 2000]])
def test_candles_off_the_grid_or_out_of_order_are_refused(tmp_path: Path, times: list[int]) -> None:
    """An open time that is no multiple of the timeframe, or that falls back, is an error."""
    with pytest.raises(ValueError, match="does not follow"):
        CandleStore(tmp_path, "1s").append([(time, *row(1)[1:]) for time in times])


def test_weeks_begin_on_monday(tmp_path: Path) -> None:
    """Weekly candles lie on Mondays, as exchanges have them."""
    monday = 345_600_000
    store = CandleStore(tmp_path, "1w")

    assert store.append([(monday, *row(1)[1:])]) == 1


def test_gaps_are_remembered(tmp_path: Path) -> None:
    """Noted gaps are read back; a half-written note is left out."""
    store = CandleStore(tmp_path, "1s")
    store.note_gap(Gap(1000, 2000, "outage", 5))
    with (tmp_path / "gaps.jsonl").open("ab") as file:
        file.write(b'{"first_ms": 3')

    assert [Gap(1000, 2000, "outage", 5)] == store.gaps()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A history that cannot be opened is named in the error."""
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="cannot be opened"):
        CandleStore(tmp_path / "file" / "series", "1s")


@pytest.mark.parametrize(("text", "length"), [("1s", 1000), ("5m", 300_000), ("1w", 604_800_000)])
def test_timeframes_have_lengths(text: str, length: int) -> None:
    """A timeframe is a number and a unit."""
    assert length == timeframe_ms(text)


@pytest.mark.parametrize("text", ["", "m", "0m", "5x", "-1m", "1.5h", "²m"])
def test_other_timeframes_are_refused(text: str) -> None:
    """Anything else is refused with the way to write it."""
    with pytest.raises(SettingsError, match="such as 5m"):
        timeframe_ms(text)


def test_numbers_are_written_without_exponent() -> None:
    """Text of a stored number reads back as the same number and has no exponent."""
    for value in (1e-8, 0.1, 47000.0, 1.5e22, float(np.nextafter(1.0, 2.0))):
        assert "e" not in decimal_text(value)
        assert value == float(decimal_text(value))
