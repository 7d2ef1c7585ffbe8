"""Segments, outboxes, positions, epochs: what is on disk is whole or cut, never read as something else."""

import os
import time
from pathlib import Path

import pytest
from cryptobot.bus import frames, journal, segments
from cryptobot.bus.archive import Archive
from cryptobot.bus.codec import encode
from cryptobot.bus.contracts.bus import Replay
from cryptobot.bus.contracts.service import Alert
from cryptobot.bus.epochs import file_name, next_epoch, source_of
from cryptobot.bus.outbox import KEEP_SEGMENTS, Outbox, folder_of
from cryptobot.bus.positions import FilePositions
from cryptobot.bus.retention import forget_passing_clients
from cryptobot.configs.errors import BusError
from cryptobot.configs.paths import Home
from hypothesis import given
from hypothesis import strategies as st

ALERT = encode(Alert(key="k", severity="info", source="s", title="t", detail="d"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def event(seq: int, topic: str = "alert.info", padding: int = 0) -> bytes:
    """An event frame of `trade`; with padding its payload is no message any more."""
    flags = frames.FLAG_EVENT | frames.FLAG_TRACED
    head = frames.head(topic, "trade", Alert.SCHEMA_ID, 1, 1, flags)
    return head + frames.VARIABLE.pack(seq, seq) + bytes(32) + ALERT + bytes(padding)


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=20), st.integers(0, 300))
def test_a_cut_segment_gives_its_whole_records(bodies: list[bytes], cut: int) -> None:
    """Wherever the end is torn off, all records before the tear are read and nothing else."""
    data = segments.MAGIC + b"".join(map(segments.record, bodies))
    torn = data[: max(len(segments.MAGIC), len(data) - cut)]
    found = [body for _, body in segments.scan(torn)]
    assert found == bodies[: len(found)]
    assert segments.good_end(torn) <= len(torn)
    if cut == 0:
        assert found == bodies


def test_a_damaged_record_ends_the_reading(tmp_path: Path) -> None:
    """A flipped bit is not handed out as a message."""
    data = bytearray(segments.MAGIC + segments.record(b"one") + segments.record(b"two"))
    data[-1] ^= 1
    assert [body for _, body in segments.scan(bytes(data))] == [b"one"]


def test_a_stranger_s_file_is_not_overwritten(tmp_path: Path) -> None:
    """A file that is no segment is refused with its path."""
    path = tmp_path / "x.seg"
    path.write_bytes(b"holiday photographs")
    with pytest.raises(BusError, match=r"x\.seg is not a segment"):
        segments.Segment(path)
    assert path.read_bytes() == b"holiday photographs"


def test_a_full_disk_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is undone, and the next record is readable."""
    segment = segments.Segment(tmp_path / "x.seg")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    with pytest.raises(OSError, match="space"):
        segment.append(segments.record(b"lost"))
    monkeypatch.setattr(os, "write", write)
    segment.append(segments.record(b"kept"))
    segment.close()
    assert [body for _, body in segments.scan((tmp_path / "x.seg").read_bytes())] == [b"kept"]


def test_a_full_disk_does_not_stop_events(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent unwritten, and counted."""
    outbox = Outbox(folder_of(home, "trade"))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:1]))
    outbox.append("alert.info", 1, event(1))
    assert outbox.unwritten == 1
    monkeypatch.setattr(os, "write", write)
    outbox.append("alert.info", 2, event(2))
    outbox.close()
    assert Outbox(folder_of(home, "trade")).last == {"alert.info": 2}


def test_an_outbox_rolls_and_forgets_its_oldest(home: Home) -> None:
    """Numbers survive although the segments that held them are gone."""
    outbox = Outbox(folder_of(home, "trade"))
    outbox.append("alert.rare", 1, event(1, "alert.rare"))
    for seq in range(1, 2 * (KEEP_SEGMENTS + 3)):
        outbox.append("alert.info", seq, event(seq, padding=3_000_000))
    outbox.close()
    assert len(segments.paths(folder_of(home, "trade"))) == KEEP_SEGMENTS
    again = Outbox(folder_of(home, "trade"))
    assert again.last == {"alert.rare": 1, "alert.info": 2 * (KEEP_SEGMENTS + 3) - 1}
    again.close()


def test_a_crash_between_new_segment_and_table_costs_no_number(home: Home) -> None:
    """A newest segment without its table takes it from the one before."""
    outbox = Outbox(folder_of(home, "trade"))
    outbox.append("alert.info", 7, event(7))
    outbox.close()
    (folder_of(home, "trade") / f"{2:016x}.seg").write_bytes(segments.MAGIC)
    again = Outbox(folder_of(home, "trade"))
    assert again.last == {"alert.info": 7}
    again.close()
    assert Outbox(folder_of(home, "trade")).last == {"alert.info": 7}


def test_a_replay_comes_in_chunks_that_join(home: Home) -> None:
    """Every number is in exactly one chunk, in order, across segments and topics."""
    outbox = Outbox(folder_of(home, "trade"))
    for seq in range(1, 9001):
        outbox.append("alert.info", seq, event(seq))
        outbox.append("alert.other", seq, event(seq, "alert.other"))
    outbox.close()
    archive, wanted, got = Archive(home), 100, []
    while wanted <= 8900:
        wish = Replay(
            source="trade", topic="alert.info", event=True, epoch=0, first_seq=wanted, last_seq=8900
        )
        chunk = archive.replay(wish)
        got += [frames.parse(each).seq for each in chunk.frames]
        assert chunk.next_seq > wanted
        wanted = chunk.next_seq
    assert got == list(range(100, 8901))


def test_what_an_outbox_lacks_is_said(home: Home) -> None:
    """Numbers not yet written: the same number is asked for again; an unknown source: nothing."""
    outbox = Outbox(folder_of(home, "trade"))
    outbox.append("alert.info", 1, event(1))
    outbox.close()
    wish = Replay(source="trade", topic="alert.info", event=True, epoch=0, first_seq=2, last_seq=3)
    assert Archive(home).replay(wish).next_seq == 2
    strange = Replay(source="nobody", topic="alert.info", event=True, epoch=0, first_seq=2, last_seq=3)
    assert Archive(home).replay(strange).frames == []


def test_events_without_an_outbox_here_are_found_in_the_journal(home: Home) -> None:
    """Their publisher is on another machine; what reached the broker heals, and nothing beside it."""
    segment = segments.Segment(journal.folder(home) / f"{time.time_ns():020d}{segments.SUFFIX}")
    for seq in (1, 2, 3, 4):
        segment.append(segments.record(event(seq)))
        segment.append(segments.record(event(seq, "alert.other")))
    segment.close()
    wish = Replay(source="trade", topic="alert.info", event=True, epoch=0, first_seq=2, last_seq=3)
    chunk = Archive(home).replay(wish)
    assert [frames.parse(frame).seq for frame in chunk.frames] == [2, 3]
    assert chunk.next_seq == 4


def test_positions_survive_and_a_torn_line_is_ignored(tmp_path: Path) -> None:
    """The last whole line of each topic counts; the beginning is remembered."""
    path = tmp_path / "p"
    first = FilePositions(path)
    first.record("trade", "order.x", 5, 1)
    first.record("trade", "order.x", 5, 2)
    first.close()
    with path.open("ab") as file:
        file.write(b"trade\torder.x\t5\t9")
    second = FilePositions(path)
    assert second.get("trade", "order.x") == (5, 2)
    assert second.get("trade", "order.y") is None
    assert second.since_ns == first.since_ns
    second.close()


def test_an_epoch_is_always_greater_than_the_last(home: Home) -> None:
    """Also within a second, and after the counter's file was lost or damaged."""
    first, second = next_epoch(home, "trade"), next_epoch(home, "trade")
    assert second > first
    (home.state / "epochs" / "trade").write_text("rubbish")
    assert next_epoch(home, "trade") >= int(time.time()) - 1


@given(st.text(min_size=1, max_size=40))
def test_a_source_is_told_from_its_file_name(source: str) -> None:
    """Any name makes one safe file name, and back."""
    try:
        source.encode()
    except UnicodeEncodeError:
        return
    name = file_name(source)
    assert source_of(name) == source
    assert "/" not in name
    assert name not in {".", ".."}


def test_passing_clients_are_forgotten_and_services_are_not(home: Home) -> None:
    """Only numbered names lose their files, and only when they are old."""
    for name in ("trade", "cli-4711"):
        Outbox(folder_of(home, name)).close()
        next_epoch(home, name)
    assert forget_passing_clients(home) == 0
    assert forget_passing_clients(home, older_than_s=-10.0) == 2
    assert folder_of(home, "trade").is_dir()
    assert not folder_of(home, "cli-4711").exists()
    assert not (home.state / "epochs" / "cli-4711").exists()
