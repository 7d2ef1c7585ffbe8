"""LogFile: rotation at line ends, full disks, odd bytes."""

import errno
import os
from pathlib import Path

import pytest
from cryptobot.supervisor.output.logfile import LogFile
from cryptobot.supervisor.output.logs import tail
from hypothesis import given, settings
from hypothesis import strategies as st


def _all(folder: Path) -> bytes:
    names = sorted(
        folder.glob("x.log*"), key=lambda path: 0 if path.suffix == ".log" else -int(path.suffix[1:])
    )
    return b"".join(path.read_bytes() for path in names)


@settings(deadline=None)  # the disk is shared
@given(st.lists(st.binary(max_size=300).filter(lambda data: b"\0" not in data), max_size=60))
def test_nothing_is_lost_or_reordered_by_rotation(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    """Whatever is written in whatever pieces comes out again, over all files."""
    folder = tmp_path_factory.mktemp("log")
    file = LogFile(folder / "x.log", 256, 1000)
    for chunk in chunks:
        file.write(chunk)
    file.close()
    assert _all(folder) == b"".join(chunks)


@settings(deadline=None)  # the disk is shared
@given(st.lists(st.integers(1, 120), min_size=1, max_size=80))
def test_a_file_begins_and_ends_with_a_whole_line(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    """Lines shorter than a file are never split between two."""
    folder = tmp_path_factory.mktemp("log")
    file = LogFile(folder / "x.log", 256, 1000)
    for size in sizes:
        file.write(b"x" * (size - 1) + b"\n")
    file.close()
    for path in folder.iterdir():
        assert path.stat().st_size <= 256
        assert path.read_bytes().endswith(b"\n")


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    """The oldest goes."""
    file = LogFile(tmp_path / "x.log", 100, 2)
    for number in range(100):
        file.write(b"%09d\n" % number)
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]
    assert (tmp_path / "x.log").read_bytes().endswith(b"000000099\n")


def test_a_full_disk_is_counted_and_does_not_raise(tmp_path: Path) -> None:
    """And writing goes on when there is room again."""
    path = tmp_path / "x.log"
    path.symlink_to("/dev/full")
    file = LogFile(path, 1000, 1)
    file.write(b"lost\n")
    assert file.dropped_bytes == 5
    assert file.fault == os.strerror(errno.ENOSPC)
    path.unlink()
    file.close()
    file.write(b"kept\n")
    assert file.fault == ""
    assert path.read_bytes() == b"kept\n"


def test_a_folder_that_is_gone_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    """The bytes are counted."""
    file = LogFile(tmp_path / "no" / "x.log", 1000, 1)
    file.write(b"lost\n")
    assert file.fault
    assert file.dropped_bytes == 5


def test_a_half_line_is_ended_on_request_only_once(tmp_path: Path) -> None:
    """What a dead process left half done."""
    file = LogFile(tmp_path / "x.log", 1000, 1)
    file.write(b"half")
    file.end_line()
    file.end_line()
    assert (tmp_path / "x.log").read_bytes() == b"half\n"


def test_tail_reads_the_last_lines_of_anything(tmp_path: Path) -> None:
    """Broken UTF-8 and large files included; a missing file has no lines."""
    path = tmp_path / "x.log"
    assert tail(path, 3) == []
    path.write_bytes(b"first\n" + b"y" * 200_000 + b"\nlast but one \xff\nlast\n")
    assert tail(path, 2) == ["last but one \ufffd", "last"]
    assert len(tail(path, 10)) == 4
