"""The loop and the notify socket, within one process."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.supervisor.loop import Loop
from cryptobot.supervisor.watch.metrics import prometheus
from cryptobot.supervisor.watch.notify import NOTIFY_NAME, NotifySocket


def _loop(errors: list[BaseException] | None = None) -> Loop:
    return Loop(errors.append if errors is not None else pytest.fail)


def test_timers_run_in_order_and_cancelled_ones_do_not() -> None:
    """By their time, whatever the order of asking."""
    loop, seen = _loop(), []
    loop.call_later(0.02, lambda: seen.append("b"))
    loop.call_later(0.01, lambda: seen.append("a"))
    loop.call_later(0.015, lambda: seen.append("never")).cancel()
    loop.call_later(0.03, loop.stop)
    loop.run()
    loop.close()
    assert seen == ["a", "b"]


def test_a_callback_that_raises_is_reported_and_the_loop_goes_on() -> None:
    """A fault in one thing is not the end of all things."""
    errors: list[BaseException] = []
    loop = _loop(errors)
    loop.call_soon(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    loop.call_later(0.0, loop.stop)
    loop.run()
    loop.close()
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_descriptor_is_served_before_a_timer_that_is_due() -> None:
    """A heartbeat that waits in a socket counts before its deadline."""
    loop, seen = _loop(), []
    one, other = socket.socketpair()
    other.send(b"x")

    def read() -> None:
        one.recv(1)
        seen.append("descriptor")
        loop.remove(one.fileno())

    loop.add_reader(one.fileno(), read)
    loop.call_later(0.0, lambda: seen.append("timer"))
    loop.call_later(0.01, loop.stop)
    loop.run()
    loop.close()
    one.close()
    other.close()
    assert seen == ["descriptor", "timer"]


def test_another_thread_wakes_the_loop() -> None:
    """Without waiting for a timer."""
    loop = _loop()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(loop.stop))
    loop.call_soon(thread.start)
    loop.run()
    thread.join()
    loop.close()


@pytest.mark.skipif(not hasattr(socket, "SO_PASSCRED"), reason="the kernel does not tell the sender here")
def test_the_sender_of_a_datagram_is_the_one_the_kernel_names(tmp_path: Path) -> None:
    """What a datagram claims (MAINPID) does not count."""
    home = Home(tmp_path)
    home.create()
    heard: list[tuple[int, dict[str, str]]] = []
    notify = NotifySocket(home, lambda pid, fields: heard.append((pid, fields)))
    code = "import os,socket; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
    code += "s.sendto(b'READY=1\\nMAINPID=1\\nSTATUS=a=b\\nrubbish\\xff', os.environ['NOTIFY_SOCKET'])"
    with subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **notify.environment}) as child:
        assert child.wait(10) == 0
    notify.receive()
    notify.close()
    assert [pid for pid, _ in heard] == [child.pid]
    assert heard[0][1]["STATUS"] == "a=b"
    assert not (home.sockets / NOTIFY_NAME).exists()


def test_metrics_are_readable_by_prometheus() -> None:
    """One line a sample, with help and type; names are quoted."""
    service = {
        "name": "data",
        "state": "RUNNING",
        "cpu_percent": 1.5,
        "rss_bytes": 7,
        "uptime_s": 2.0,
        "restarts": 3,
    }
    lines = prometheus({"supervisor": {"uptime_s": 9.0, "version": "1"}, "services": [service]}).splitlines()
    assert 'cryptobot_service_restarts_total{service="data"} 3' in lines
    assert 'cryptobot_service_state{service="data",state="RUNNING"} 1' in lines
    assert 'cryptobot_service_state{service="data",state="FATAL"} 0' in lines
    assert all(line.startswith("#") or len(line.split(" ")) == 2 for line in lines)
