"""What is printed past the loggers: masked, whole lines, never in the way."""

import os
import subprocess
import sys
import threading

import pytest
from cryptobot.configs.secret import MASK, MASKER
from cryptobot.services.host import printed
from cryptobot.services.host.printed import PrintedLines
from cryptobot.services.host.sink import LogSink


class Sink(LogSink):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        self.texts.append(text)
        return len(text)


def test_lines_go_whole_and_without_secrets_even_across_two_writes() -> None:
    """Half a line waits for its other half, also when it is flushed."""
    MASKER.learn("hunter2-hunter2")
    sink = Sink()
    stream = PrintedLines(sink, 1)
    print("the key is hunter2-", end="", file=stream, flush=True)
    assert sink.texts == []
    print("hunter2, keep it", file=stream)
    print("half", end="", file=stream)
    stream.finish()
    assert sink.texts == [f"the key is {MASK}, keep it\n", "half\n"]


def test_a_line_without_end_is_let_go_in_pieces() -> None:
    """Memory does not grow with it, and no secret shows where it is cut."""
    MASKER.learn("swordfish-swordfish")
    sink = Sink()
    stream = PrintedLines(sink, 1)
    for _ in range(3000):
        stream.write("x" * 80 + "swordfish-swordfish")
    assert len(stream._rest) <= 70_000
    assert "swordfish" not in "".join(sink.texts)


def test_a_thread_that_dies_shows_its_traceback_without_the_secret() -> None:
    """In a process of its own, as services are; the streams are given back at the end."""
    code = (
        "import threading\n"
        "from cryptobot.configs.secret import MASKER\n"
        "from cryptobot.services.host import printed\n"
        "from cryptobot.services.host.sink import LogSink\n"
        "MASKER.learn('open-sesame-42')\n"
        "printed.take_over(LogSink(2))\n"
        "def fail():\n"
        "    raise ValueError('it was open-sesame-42')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "print('printed open-sesame-42')\n"
        "printed.finish()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ},
    )
    assert "ValueError: it was" in ran.stderr
    assert f"printed {MASK}" in ran.stderr
    assert "open-sesame-42" not in ran.stderr + ran.stdout


def test_many_threads_tear_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is one write to the sink."""
    sink = Sink()
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    printed.take_over(sink)
    assert sys.stdout.fileno() == 1

    def shout(letter: str) -> None:
        for _ in range(200):
            sys.stderr.write(letter * 50 + "\n")

    threads = [threading.Thread(target=shout, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sink.texts) == 800
    assert all(len(set(text)) == 2 for text in sink.texts)
