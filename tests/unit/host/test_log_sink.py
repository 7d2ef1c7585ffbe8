"""Log lines never block or end a service, and never show a secret."""

import json
import logging
import os
import sys
import threading
from pathlib import Path

import pytest
from cryptobot.configs.secret import MASK, Masker, Secret
from cryptobot.services.host.logs import configure, finish, set_level
from cryptobot.services.host.sink import LogSink

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="pipes that take no more bytes are told by poll(2)"
)


@pytest.fixture
def pipe():
    """Both ends of a pipe; closed at the end."""
    ends = list(os.pipe())
    yield ends
    for descriptor in ends:
        if descriptor >= 0:
            os.close(descriptor)


def test_a_reader_that_does_not_read_blocks_nothing(pipe):
    """Writing far more than a pipe holds returns; what does not fit is dropped and counted."""
    sink = LogSink(pipe[1], backlog_bytes=10_000)
    for _ in range(5000):
        sink.write("x" * 99 + "\n")
    assert sink.dropped > 4000


def test_the_reader_is_told_how_much_was_dropped(pipe):
    """When lines pass again, one of them holds the count; no line is torn."""
    sink = LogSink(pipe[1], backlog_bytes=10_000)
    for _ in range(2000):
        sink.write(json.dumps({"event": "x" * 80}) + "\n")
    received: list[bytes] = []

    def read():
        while chunk := os.read(pipe[0], 65536):
            received.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    sink.finish(5.0)
    os.close(pipe[1])
    pipe[1] = -1
    reader.join(10)
    lines = [json.loads(line) for line in b"".join(received).splitlines()]
    assert lines[-1]["event"] == "log lines dropped"
    assert lines[-1]["count"] + len(lines) - 1 == 2000


def test_a_reader_that_is_gone_ends_nothing(pipe):
    """A broken pipe is counted, not raised."""
    sink = LogSink(pipe[1])
    os.close(pipe[0])
    pipe[0] = -1
    sink.write("nobody reads this\n")
    assert sink.dropped == 1


def test_a_closed_stderr_ends_nothing():
    """A process without stderr logs into the void."""
    sink = LogSink(-1)
    sink.write("nowhere\n")
    sink.finish(0.0)
    assert sink.dropped == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_ends_nothing():
    """No space left: counted and dropped."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        sink = LogSink(descriptor)
        sink.write("no room\n")
        assert sink.dropped == 1
    finally:
        os.close(descriptor)


@pytest.fixture
def logged(tmp_path):
    """A logger into a file, and a function that reads its lines."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    log = configure("test", "info", LogSink(descriptor))

    def read():
        finish()
        return [json.loads(line) for line in path.read_text().splitlines()]

    yield log, read
    root.handlers[:], root.level = before
    os.close(descriptor)


def test_lines_are_json_with_service_level_and_time(logged):
    """Each line can be searched and merged."""
    log, read = logged
    log.info("hello", count=3)
    (line,) = read()
    assert (line["service"], line["level"], line["event"], line["count"]) == ("test", "info", "hello", 3)
    assert line["ts"].endswith("Z")


def test_the_standard_library_logs_into_the_same_stream(logged):
    """Libraries' warnings are JSON lines as well, with the logger's name and the traceback."""
    _, read = logged
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("some.library").exception("it failed on %s", "message 7")
    (line,) = read()
    assert (line["service"], line["logger"], line["event"]) == (
        "test",
        "some.library",
        "it failed on message 7",
    )
    assert "ValueError: broken" in line["exception"]


def test_fields_with_telling_names_are_masked(logged):
    """Password, token and key fields never show their value, at any depth."""
    log, read = logged
    log.info(
        "login",
        user="ann",
        password="hunter2",
        headers={"Authorization": "Bearer x", "n": [{"api_key": "k"}]},
    )
    (line,) = read()
    assert line["password"] == MASK
    assert line["headers"] == {"Authorization": MASK, "n": [{"api_key": MASK}]}
    assert line["user"] == "ann"


def test_known_secrets_are_blotted_out_everywhere(logged):
    """A secret in a message, a field or a traceback is masked, also where JSON escapes it."""
    log, read = logged
    secret = Secret('canary-"quoted"-4711')
    log.warning(f"sent {secret.reveal()}", text=f"x{secret.reveal()}y")
    try:
        raise RuntimeError(f"refused {secret.reveal()}")
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("lib").error("got %s", secret.reveal())
    text = json.dumps(read())
    assert "canary" not in text
    assert text.count(MASK) >= 4


def test_a_secret_shows_itself_nowhere():
    """No repr, no str, no format, no pickle."""
    secret = Secret("canary-0815")
    assert "canary" not in f"{secret} {secret!r} {secret:>20} {[secret]} %s" % secret
    with pytest.raises(TypeError):
        secret.__reduce__()
    assert secret == Secret("canary-0815")
    assert secret != Secret("canary-0816")


def test_masker_spares_short_texts():
    """A one-letter secret does not blot out every such letter."""
    masker = Masker()
    masker.learn("a", "longer-secret")
    assert masker.blot("a banana and longer-secret") == f"a banana and {MASK}"


def test_the_level_changes_while_the_service_runs(logged):
    """A logger that was made before keeps more, or less, from the next line on."""
    log, read = logged
    log.debug("too early")
    set_level("debug")
    log.debug("talkative")
    set_level("error")
    log.warning("too unimportant")
    log.exception("kept")
    set_level("info")
    assert [line["event"] for line in read()] == ["talkative", "kept"]
