"""A child for the supervisor to look after: `child.py WORD...`, each word a thing to do, in order.

Run with `python -I -S`, so that it starts fast and imports nothing of ours.
"""
# pathlib would double its start time
# ruff: noqa: PTH123, PTH110

import os
import signal
import socket
import sys
import time


def notify(text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        try:
            out.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
        except OSError:
            return


def fork_sleeper(*, own_session: bool, ignore_term: bool, detach: bool, path: str) -> None:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        if detach:
            os.waitpid(pid, 0)
        os.close(write_end)
        os.read(read_end, 1)
        return
    if own_session:
        os.setsid()
    if detach and os.fork():
        os._exit(0)
    if ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(path, "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    os.write(write_end, b"1")
    while True:
        signal.pause()


def beat(seconds: float, *, progress: bool) -> None:
    number = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        number += progress
        notify(f"WATCHDOG=1\nX_PROGRESS={number}")
        time.sleep(0.05)


def flood() -> None:
    block = b"flood " * 1000 + b"\n"
    while True:
        os.write(1, block * 10)


def take(word: str, value: str) -> None:
    if word == "ready":
        notify("READY=1")
    elif word == "say":
        os.write(1, value.encode() + b"\n")
    elif word == "raw":
        os.write(1, bytes.fromhex(value))
    elif word == "status":
        notify(f"STATUS={value}")
    elif word == "exit":
        sys.exit(int(value))
    elif word == "exit-unless":
        if not os.path.exists(value):
            sys.exit(1)
    elif word == "log-stop":
        path, name = value.split(",")

        def stopped(*_: object) -> None:
            with open(path, "a", encoding="ascii") as file:
                file.write(name + "\n")
            os._exit(0)

        signal.signal(signal.SIGTERM, stopped)
    elif word == "ignore-term":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif word == "slow-stop":
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(float(value)), os._exit(0)))
    elif word == "sleep":
        time.sleep(float(value))
    elif word == "fork":
        fork_sleeper(own_session=False, ignore_term=False, detach=False, path=value)
    elif word == "fork-deaf":
        fork_sleeper(own_session=False, ignore_term=True, detach=False, path=value)
    elif word == "fork-session":
        fork_sleeper(own_session=True, ignore_term=True, detach=False, path=value)
    elif word == "fork-daemon":
        fork_sleeper(own_session=True, ignore_term=True, detach=True, path=value)
    elif word == "orphan":
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                os._exit(3)
            os._exit(0)
        os.wait()
    elif word == "bomb":
        for _ in range(int(value)):
            fork_sleeper(own_session=False, ignore_term=True, detach=False, path=os.devnull)
    elif word == "beat":
        beat(float(value), progress=True)
    elif word == "beat-hung":
        beat(float(value), progress=False)
    elif word == "grow":
        globals()["kept"] = b"x" * (int(value) * 1_048_576)
    elif word == "open-files":
        globals()["files"] = [os.open(os.devnull, os.O_RDONLY) for _ in range(int(value))]
    elif word == "threads":
        import threading

        for _ in range(int(value)):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
    elif word == "fill":
        path, size = value.split(",")
        with open(path, "wb") as file:
            file.write(b"x" * int(size))
    elif word == "need-room":
        try:
            with open(value, "wb") as file:
                file.write(b"x" * 65_536)
        except OSError as error:
            notify(f"STATUS=cannot write: {error.strerror}")
            sys.exit(1)
    elif word == "bomb-later":
        time.sleep(0.5)
        for _ in range(int(value)):
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                while True:
                    signal.pause()
    elif word == "limit":
        import resource

        soft, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{value}"))
        os.write(1, f"{value}={soft},{hard}\n".encode())
    elif word == "environment":
        os.write(1, f"{value}={os.environ.get(value)}\n".encode())
    elif word == "count":
        with open(value, "a", encoding="ascii") as file:
            file.write(f"{os.getpid()} {time.monotonic()}\n")
    elif word == "close-output":
        os.close(1)
        os.close(2)
    elif word == "flood":
        flood()
    elif word == "lines":
        for number in range(int(value)):
            os.write(1, b"line %09d %s\n" % (number, b"." * 80))
    else:
        sys.exit(f"unknown word {word}")


def main() -> None:
    for argument in sys.argv[1:]:
        word, _, value = argument.partition("=")
        take(word, value)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
