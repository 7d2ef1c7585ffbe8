"""Reading logs."""

import gzip
import itertools
import json
import os
import threading
from pathlib import Path

from cryptobot.supervisor.cli.logview import Filter, Line, files_of, follow, for_people, last_lines, names_in


def line(event: str, level: str = "info", ts: str = "2026-01-31T12:00:00.5Z", **fields: object) -> str:
    return json.dumps({"ts": ts, "level": level, "event": event, "service": "data", **fields})


def plain(text: str, _level: str) -> str:
    return text


def test_rotated_files_come_first(tmp_path: Path) -> None:
    """Oldest first, by number and not by name."""
    for name in ("data.log", "data.log.1", "data.log.2", "data.log.10", "database.log"):
        (tmp_path / name).write_text("")

    assert [path.name for path in files_of(tmp_path, "data")] == [
        "data.log.10",
        "data.log.2",
        "data.log.1",
        "data.log",
    ]


def test_the_newest_lines_are_kept(tmp_path: Path) -> None:
    """Across rotation, in the order in which they were written."""
    (tmp_path / "data.log.1").write_text("one\ntwo\n")
    (tmp_path / "data.log").write_text("three\n")

    found = last_lines(tmp_path, ["data"], Filter(), 2)

    assert [one.text for one in found] == ["two", "three"]


def test_levels_filter_from_below() -> None:
    """A line without a level is judged by the other conditions."""
    wanted = Filter(level="warning")

    assert not wanted.wants(Line.parse(line("x", "info")))
    assert wanted.wants(Line.parse(line("x", "error")))
    assert wanted.wants(Line.parse("Traceback (most recent call last):"))


def test_since_filters_by_the_lines_own_time() -> None:
    """Not by the file's."""
    wanted = Filter(since=1_769_860_801)

    assert not wanted.wants(Line.parse(line("x", ts="2026-01-31T12:00:00Z")))
    assert wanted.wants(Line.parse(line("x", ts="2026-01-31T12:00:02Z")))


def test_people_see_time_level_event_and_fields() -> None:
    """Plain text passes unchanged."""
    assert (
        for_people(Line.parse(line("ready", pid=7)), plain) == "2026-01-31 12:00:00.500 info     ready  pid=7"
    )
    assert for_people(Line.parse("not json"), plain) == "not json"


def test_an_exception_is_set_below_its_line() -> None:
    """Frames, then the error."""
    frames = [{"filename": "a.py", "lineno": 3, "name": "f"}]
    text = line("crashed", exception=[{"exc_type": "ValueError", "exc_value": "no", "frames": frames}])

    assert for_people(Line.parse(text), plain).splitlines()[1:] == ["    a.py:3 in f", "    ValueError: no"]


def test_following_survives_rotation(tmp_path: Path) -> None:
    """Lines written before and after the file was replaced arrive once each."""
    path = tmp_path / "data.log"
    path.write_text("old\n")
    lines = follow(tmp_path, lambda: ["data"], Filter())

    def write_then_rotate() -> None:
        with path.open("a") as file:
            file.write("one\n")

    threading.Timer(0.3, write_then_rotate).start()
    first = next(lines)
    path.rename(tmp_path / "data.log.1")
    path.write_text("two\nthree\n")

    assert [first.text, *(one.text for one in itertools.islice(lines, 2))] == ["one", "two", "three"]


def test_names_are_those_of_the_files(tmp_path: Path) -> None:
    """A home that was never started has none."""
    assert names_in(tmp_path / "missing") == []


def _write(path: Path, *texts: str) -> None:
    path.write_text("".join(text + "\n" for text in texts))


def test_compressed_files_are_read_and_stand_before_plain_ones_of_their_number(tmp_path: Path) -> None:
    """The log keeper compresses from .2 on; a broken one is passed over."""
    with gzip.open(tmp_path / "data.log.3.gz", "wt") as file:
        file.write(line("one") + "\n")
    (tmp_path / "data.log.2.gz").write_bytes(b"\x1f\x8b broken")
    _write(tmp_path / "data.log.2", line("two"))
    _write(tmp_path / "data.log", line("three"))
    (tmp_path / "data.log.2.gz.part").write_bytes(b"")

    assert [path.name for path in files_of(tmp_path, "data")] == [
        "data.log.3.gz", "data.log.2.gz", "data.log.2", "data.log",
    ]  # fmt: skip
    found = last_lines(tmp_path, ["data"], Filter(), 10)
    assert [one.fields["event"] for one in found] == ["one", "two", "three"]


def test_services_are_merged_by_time(tmp_path: Path) -> None:
    """A traceback's lines stay behind the line that they followed."""
    _write(
        tmp_path / "a.log",
        line("1", ts="2026-01-31T12:00:01Z"),
        "Traceback",
        line("4", ts="2026-01-31T12:00:04Z"),
    )
    _write(tmp_path / "b.log", line("2", ts="2026-01-31T12:00:02Z"), line("3", ts="2026-01-31T12:00:03Z"))

    found = last_lines(tmp_path, ["a", "b"], Filter(), 10)
    assert [one.fields.get("event", one.text) for one in found] == ["1", "Traceback", "2", "3", "4"]
    assert for_people(found[2], plain, 5).startswith("b     2026-01-31 12:00:02.000 info     2")
    assert [one.service for one in last_lines(tmp_path, ["a", "b"], Filter(), 2)] == ["b", "a"]


def test_files_from_before_the_time_asked_for_are_not_even_opened(tmp_path: Path) -> None:
    """Rotated files can be large."""
    old, new = tmp_path / "data.log.1", tmp_path / "data.log"
    old.write_bytes(b"\xff" * 10)
    os.utime(old, (1000, 1000))
    old.chmod(0)
    _write(new, line("late"))
    found = last_lines(tmp_path, ["data"], Filter(since=1_769_860_000), 10)
    assert [one.fields["event"] for one in found] == ["late"]


def test_following_several_logs_takes_up_one_that_comes_later(tmp_path: Path) -> None:
    """Its first line is shown."""
    names = ["data"]
    _write(tmp_path / "data.log")
    lines = follow(tmp_path, lambda: names, Filter())

    def come() -> None:
        _write(tmp_path / "trade.log", line("new"))
        names.append("trade")

    threading.Timer(0.1, come).start()
    first = next(lines)
    assert (first.service, first.fields["event"]) == ("trade", "new")
