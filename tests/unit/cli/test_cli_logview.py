"""Reading logs."""

import itertools
import json
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

    found = last_lines(tmp_path, "data", Filter(), 2)

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
    lines = follow(tmp_path, "data", Filter())

    def write_then_rotate() -> None:
        with path.open("a") as file:
            file.write("one\n")

    import threading

    threading.Timer(0.3, write_then_rotate).start()
    first = next(lines)
    path.rename(tmp_path / "data.log.1")
    path.write_text("two\nthree\n")

    assert [first.text, *(one.text for one in itertools.islice(lines, 2))] == ["one", "two", "three"]


def test_names_are_those_of_the_files(tmp_path: Path) -> None:
    """A home that was never started has none."""
    assert names_in(tmp_path / "missing") == []
