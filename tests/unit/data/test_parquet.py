"""The Parquet reader agrees with pyarrow."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.services.data.parquet.reader import ParquetFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


def same(ours: Any, theirs: Any) -> bool:
    if theirs.dtype.kind == "M":
        return np.array_equal(ours.astype("datetime64[ns]"), theirs.astype("datetime64[ns]"))
    if theirs.dtype == object:
        return ours.tolist() == theirs.tolist()
    return np.array_equal(ours, theirs, equal_nan=True)


def table(size: int) -> Any:
    random = np.random.default_rng(size)
    holes = [None if place % 7 == 3 else place / 3 for place in range(size)]
    return pyarrow.table(
        {
            "timestamp": pyarrow.array(
                (1_700_000_000_000 + np.arange(size) * 60_000).astype("datetime64[ms]"),
                pyarrow.timestamp("ms", "UTC"),
            ),
            "few": np.round(random.normal(size=size), 1),
            "many": random.normal(size=size),
            "whole": random.integers(-(2**62), 2**62, size),
            "small": random.integers(-5, 5, size).astype(np.int32),
            "half": random.normal(size=size).astype(np.float32),
            "holes": pyarrow.array(holes, pyarrow.float64()),
            "side": pyarrow.array([("buy", "sell", "ä")[place % 3] for place in range(size)]),
        }
    )


OPTIONS = [
    {"compression": codec, "data_page_version": version, "use_dictionary": dictionary}
    for codec in ("none", "snappy", "zstd", "gzip", "brotli", "lz4")
    for version in ("1.0", "2.0")
    for dictionary in (True, False)
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())))
@pytest.mark.parametrize("size", [1, 9, 5000])
def test_every_way_of_writing_is_read(tmp_path: Path, options: dict[str, Any], size: int) -> None:
    """All columns come back equal from all codecs, page versions and with or without dictionaries."""
    written = table(size)
    parquet.write_table(written, tmp_path / "x.parquet", row_group_size=2000, data_page_size=4096, **options)
    file = ParquetFile(tmp_path / "x.parquet")

    assert written.column_names == file.names
    for name in file.names:
        assert same(file.column(name), written[name].to_numpy()), name


@pytest.mark.parametrize(
    ("column", "encoding"),
    [
        ("timestamp", "DELTA_BINARY_PACKED"),
        ("whole", "DELTA_BINARY_PACKED"),
        ("many", "BYTE_STREAM_SPLIT"),
        ("half", "BYTE_STREAM_SPLIT"),
    ],
)
def test_other_encodings_are_read(tmp_path: Path, column: str, encoding: str) -> None:
    """Delta and byte-stream-split encodings come back equal."""
    written = table(3000)
    parquet.write_table(
        written, tmp_path / "x.parquet", use_dictionary=False, column_encoding={column: encoding}
    )

    assert same(ParquetFile(tmp_path / "x.parquet").column(column), written[column].to_numpy())


@pytest.mark.skipif(not SHARED.exists(), reason="the shared test data are not there")
def test_every_file_of_the_test_data_is_read_as_pyarrow_reads_it() -> None:
    """Every column of every file is equal."""
    for path in sorted(SHARED.rglob("*.parquet")):
        file, theirs = ParquetFile(path), parquet.read_table(path)
        for name in file.names:
            assert same(file.column(name), theirs[name].to_numpy()), (path, name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(4, 2000), byte=st.integers(0, 255))
def test_a_damaged_file_is_an_error_not_a_crash(tmp_path: Path, place: int, byte: int) -> None:
    """Whatever byte is changed, the answer is a value or one of the errors that are told to people."""
    whole = tmp_path / "whole.parquet"
    if not whole.exists():
        parquet.write_table(table(40), whole, compression="snappy")
    data = bytearray(whole.read_bytes())
    data[-(place % len(data)) - 1] = byte
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(data)
    try:
        file = ParquetFile(broken)
        for name in file.names:
            file.column(name)
    except ValueError:
        return
