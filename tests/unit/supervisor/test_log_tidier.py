"""Rotated logs: compressed a piece at a time, removed by age, whole whatever happens meanwhile."""

import gzip
import os
import time
from pathlib import Path

import pytest
from cryptobot.supervisor.output import logtidy
from cryptobot.supervisor.output.logfile import LogFile
from cryptobot.supervisor.output.logtidy import LogTidier


def _finish(tidier: LogTidier) -> int:
    steps = 0
    while tidier.busy:
        tidier.step()
        steps += 1
    return steps


def test_from_the_second_on_they_are_compressed_in_small_steps(tmp_path: Path) -> None:
    """The newest stays plain; the time of the last line is kept; the bytes are the same."""
    data = os.urandom(300_000)
    for number in (1, 2, 3):
        (tmp_path / f"x.log.{number}").write_bytes(data)
        os.utime(tmp_path / f"x.log.{number}", (2_000_000_000, 2_000_000_000))
    (tmp_path / "x.log").write_bytes(b"now\n")
    tidier = LogTidier(tmp_path)
    tidier.look()
    tidier.look()
    assert _finish(tidier) == 2 * 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "x.log",
        "x.log.1",
        "x.log.2.gz",
        "x.log.3.gz",
    ]
    assert gzip.decompress((tmp_path / "x.log.2.gz").read_bytes()) == data
    assert (tmp_path / "x.log.3.gz").stat().st_mtime == 2_000_000_000


def test_a_rotation_in_the_midst_of_it_changes_only_the_number(tmp_path: Path) -> None:
    """The file is known by its inode."""
    file = LogFile(tmp_path / "x.log", 100, 9)
    for number in range(30):
        file.write(b"%09d\n" % number)
    tidier = LogTidier(tmp_path)
    tidier.look()
    tidier.step()
    for number in range(30, 50):
        file.write(b"%09d\n" % number)
    _finish(tidier)
    tidier.look()
    _finish(tidier)
    file.close()
    lines = [line for path in _in_order(tmp_path) for line in _content(path).splitlines()]
    assert [int(line) for line in lines] == list(range(50))
    assert sum(path.suffix == ".gz" for path in tmp_path.iterdir()) == 3


def _in_order(folder: Path) -> list[Path]:
    def age(path: Path) -> int:
        digits = path.name.removesuffix(".gz").rpartition(".")[2]
        return -int(digits) if digits.isdigit() else 0

    return sorted(folder.iterdir(), key=age)


def _content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_old_ones_are_removed_and_the_one_in_use_never(tmp_path: Path) -> None:
    """By the time they were last written."""
    for name in ("x.log", "x.log.1", "x.log.2.gz", "x.log.3.gz"):
        (tmp_path / name).write_bytes(b"")
    for name in ("x.log", "x.log.3.gz"):
        os.utime(tmp_path / name, (1000, 1000))
    LogTidier(tmp_path, max_age_s=86_400).look()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2.gz"]


def test_what_a_kill_left_half_done_is_put_right(tmp_path: Path) -> None:
    """A part is thrown away, a file taken out of its row goes back, unless its .gz is there already."""
    (tmp_path / "x.log.2").write_bytes(b"two")
    (tmp_path / "x.log.2.gz.part").write_bytes(b"half")
    (tmp_path / "x.log.3.taken").write_bytes(b"three")
    (tmp_path / "x.log.4.taken").write_bytes(b"four")
    (tmp_path / "x.log.4.gz").write_bytes(gzip.compress(b"four"))
    tidier = LogTidier(tmp_path)
    tidier.look()
    _finish(tidier)
    tidier.look()
    _finish(tidier)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["x.log.2.gz", "x.log.3.gz", "x.log.4.gz"]
    assert [_content(tmp_path / name) for name in names] == [b"two", b"three", b"four"]


def test_on_a_full_disk_the_plain_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing half done."""
    (tmp_path / "x.log.2").write_bytes(b"two")

    def full(_descriptor: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logtidy, "_write_all", full)
    tidier = LogTidier(tmp_path)
    tidier.look()
    _finish(tidier)
    assert [path.name for path in tmp_path.iterdir()] == ["x.log.2"]


def test_a_log_is_rotated_when_its_day_is_over(tmp_path: Path) -> None:
    """At the end of a line; a clock that was set back does not rotate."""
    path = tmp_path / "x.log"
    path.write_bytes(b"yesterday\n")
    yesterday = time.time() - 86_400
    os.utime(path, (yesterday, yesterday))
    file = LogFile(path, 1_000_000, 5, every_s=86_400)
    file.write(b"today\n")
    file.write(b"later\n")
    file.close()
    assert path.read_bytes() == b"today\nlater\n"
    assert (tmp_path / "x.log.1").read_bytes() == b"yesterday\n"
    tomorrow = time.time() + 86_400
    os.utime(path, (tomorrow, tomorrow))
    file.write(b"set back\n")
    file.close()
    assert path.read_bytes() == b"today\nlater\nset back\n"


def test_the_last_number_gives_way_compressed_or_not(tmp_path: Path) -> None:
    """Never more files than are kept."""
    file = LogFile(tmp_path / "x.log", 20, 2)
    (tmp_path / "x.log.2.gz").write_bytes(b"old")
    (tmp_path / "x.log.1").write_bytes(b"one\n")
    for number in range(3):
        file.write(b"%018d\n" % number)
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]
