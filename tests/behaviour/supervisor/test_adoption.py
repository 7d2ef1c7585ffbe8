"""S4, S15, S17, S34: what a supervisor finds when it comes to a home where one has been before."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path


def test_children_go_on_without_a_supervisor_and_are_adopted(daemon, tmp_path: Path) -> None:
    """S4: after kill -9 of the supervisor no child dies, the next adopts all, none runs twice."""
    for name in ("a", "b", "c"):
        daemon.service(name, f"count={tmp_path / name}", "ready", requires=[] if name == "a" else ["a"])
    daemon.start()
    before = {name: daemon.until(name, "RUNNING")["pid"] for name in ("a", "b", "c")}
    daemon.kill()
    assert all(daemon.alive(pid) for pid in before.values())
    daemon.start()
    status = {name: daemon.status(name) for name in before}
    assert {name: one["pid"] for name, one in status.items()} == before
    assert all(one["state"] == "RUNNING" and one["adopted"] for one in status.values())
    assert sorted(daemon.processes()) == sorted(before.values())
    for name in before:
        assert len((tmp_path / name).read_text(encoding="ascii").splitlines()) == 1


def test_an_adopted_child_that_dies_is_replaced_once(daemon) -> None:
    """S4: health and policy are resumed for children that another supervisor started."""
    daemon.service("a", "ready")
    pid = daemon.start().until("a", "RUNNING")["pid"]
    daemon.kill()
    daemon.start()
    os.kill(pid, signal.SIGKILL)
    after = daemon.until("a", lambda one: one["state"] == "RUNNING" and one["pid"] != pid)
    assert sorted(daemon.processes()) == [after["pid"]]


def test_output_is_kept_across_the_death_of_the_supervisor(daemon, tmp_path: Path) -> None:
    """S4: a child that prints while nobody supervises neither blocks nor dies, and no line is lost."""
    go = tmp_path / "go"
    code = (
        "import os,time,socket\n"
        "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n"
        "s.sendto(b'READY=1',os.environ['NOTIFY_SOCKET'])\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        "for n in range(5000): os.write(1,b'line %d %s\\n'%(n,b'.'*100))\n"
        f"open({str(go)!r}+'.done','w').close()\n"
        "time.sleep(1000)\n"
    )
    daemon.service("talker", "ready", command=[sys.executable, "-I", "-S", "-c", code])
    pid = daemon.start().until("talker", "RUNNING")["pid"]
    daemon.kill()
    go.touch()
    with subprocess.Popen(
        [sys.executable, "-I", "-c", f"import os\nwhile not os.path.exists({str(go)!r}+'.done'): pass"]
    ) as waiter:
        waiter.wait(60)
    assert daemon.alive(pid)
    daemon.start()
    with daemon.client() as client:
        client.stop("talker")
    daemon.signal(signal.SIGTERM)
    lines = (daemon.home.logs / "talker.log").read_text(encoding="ascii").splitlines()
    assert [line.split()[1] for line in lines] == [str(number) for number in range(5000)]


def test_a_child_that_prints_while_supervisor_and_log_keeper_are_both_dead_goes_on(
    daemon, tmp_path: Path
) -> None:
    """S4: the pipe outlives both: no broken pipe, nothing lost, and the next supervisor reads what waited."""
    go, done = tmp_path / "go", tmp_path / "done"
    code = (
        "import os,time,socket\n"
        "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n"
        "s.sendto(b'READY=1',os.environ['NOTIFY_SOCKET'])\n"
        f"os.read(os.open({str(go)!r},os.O_RDONLY),1)\n"
        "for n in range(1000): os.write(1,b'line %d %s\\n'%(n,b'.'*100))\n"
        f"os.write(os.open({str(done)!r},os.O_WRONLY),b'1')\n"
        "time.sleep(1000)\n"
    )
    os.mkfifo(go)
    os.mkfifo(done)
    daemon.service("talker", "ready", command=[sys.executable, "-I", "-S", "-c", code])
    pid = daemon.start().until("talker", "RUNNING")["pid"]
    assert daemon.process is not None
    keeper = next(int(child) for child in children_of(daemon.process.pid) if int(child) != pid)
    daemon.process.send_signal(signal.SIGSTOP)  # so that it cannot replace the keeper in between
    os.kill(keeper, signal.SIGKILL)
    daemon.kill()
    daemon.wait_dead(keeper)
    through = os.open(done, os.O_RDONLY | os.O_NONBLOCK)
    with go.open("wb", buffering=0) as fifo:
        fifo.write(b"1")
    waiting = select.poll()
    waiting.register(through, select.POLLHUP | select.POLLIN)
    assert waiting.poll(45_000), "the child did not get through its lines"
    os.close(through)
    assert daemon.alive(pid)
    daemon.start()
    assert daemon.until("talker", "RUNNING")["pid"] == pid
    daemon.until_log("talker", "line 999 ")
    lines = (daemon.home.logs / "talker.log").read_text(encoding="ascii").splitlines()
    assert [line.split()[1] for line in lines] == [str(number) for number in range(1000)]


def children_of(pid: int) -> list[str]:
    """Direct children of a process."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def test_a_child_spawned_in_the_last_moment_is_adopted_too(daemon) -> None:
    """S4: also a child that the killed supervisor had not written down is found, by its mark."""
    daemon.service("a", "ready", "beat=60")
    pid = daemon.start().until("a", "RUNNING")["pid"]
    daemon.kill()
    path = daemon.home.run / "supervisor-state.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if '"name":"a"' not in line) + "\n", encoding="utf-8")
    daemon.start()
    assert daemon.until("a", "RUNNING")["pid"] == pid
    assert sorted(daemon.processes()) == [pid]


def test_a_stranger_with_a_pid_of_the_old_run_is_left_alone(daemon) -> None:
    """S15: a pid that belongs to somebody else by now is neither adopted nor signalled."""
    daemon.service("a", "ready")
    first = daemon.start().until("a", "RUNNING")["pid"]
    daemon.kill()
    os.kill(first, signal.SIGKILL)
    path = daemon.home.run / "supervisor-state.jsonl"
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        text = path.read_text(encoding="utf-8").replace(f'"pid":{first}', f'"pid":{stranger.pid}')
        assert str(stranger.pid) in text
        path.write_text(text, encoding="utf-8")
        daemon.start()
        one = daemon.until("a", "RUNNING")
        assert one["pid"] not in {first, stranger.pid}
        with daemon.client() as client:
            client.stop("a")
        assert stranger.poll() is None
        stranger.kill()


def test_state_of_an_earlier_boot_is_not_believed(daemon) -> None:
    """S15: after a reboot numbers may match by chance, so nothing is adopted."""
    daemon.service("a", "ready")
    daemon.start().until("a", "RUNNING")
    daemon.signal(signal.SIGTERM)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        born = int(
            Path(f"/proc/{stranger.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
        )
        lines = [{"boot_id": "another", "supervisor": 1}, {"name": "a", "pid": stranger.pid, "born": born}]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (daemon.home.run / "supervisor-state.jsonl").write_text(text, encoding="utf-8")
        daemon.start()
        assert daemon.until("a", "RUNNING")["pid"] != stranger.pid
        assert stranger.poll() is None
        stranger.kill()


def test_a_second_supervisor_refuses_and_names_the_first(daemon) -> None:
    """S17: one supervisor a home."""
    daemon.service("a", "ready")
    daemon.start()
    assert daemon.process is not None
    second = subprocess.run(
        [sys.executable, "-m", "cryptobot.supervisor.daemon", str(daemon.home.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert f"already runs in {daemon.home.root} as process {daemon.process.pid}" in second.stderr


def test_what_a_person_stopped_stays_stopped(daemon) -> None:
    """S34: across a restart of the daemon, until a person starts it."""
    daemon.service("a", "ready")
    daemon.service("b", "ready")
    daemon.start().until("a", "RUNNING")
    daemon.until("b", "RUNNING")
    with daemon.client() as client:
        client.stop("a")
    daemon.signal(signal.SIGTERM)
    daemon.start().until("b", "RUNNING")
    assert daemon.status("a")["state"] == "STOPPED"
    with daemon.client() as client:
        assert client.start("a")["ready"]
    daemon.signal(signal.SIGTERM)
    daemon.start().until("a", "RUNNING")


def test_a_service_no_longer_configured_is_not_left_running(daemon) -> None:
    """What ran under a killed supervisor and has no manifest any more is ended by the next."""
    daemon.service("a", "ready")
    daemon.service("gone", "ready")
    daemon.start().until("a", "RUNNING")
    pid = daemon.until("gone", "RUNNING")["pid"]
    daemon.kill()
    (daemon.home.root / "services.d" / "gone.json").unlink()
    daemon.start()
    daemon.wait_dead(pid, 2.0)
