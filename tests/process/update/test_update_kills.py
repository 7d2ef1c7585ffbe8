"""Power cuts: `kill -9` at every line of an update, a rollback, and their resumption: nothing is half done.

A child carries out the work and kills itself at the n-th line of our code that it had not reached before.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from cryptobot import supervisor
from cryptobot.supervisor.versions.apply import Wish, apply, roll_back

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills by signal")
CODE = (
    str(Path(supervisor.__file__).parent / "versions"),
    str(Path(supervisor.__file__).parents[1] / "configs" / "programfolder.py"),
    str(Path(supervisor.__file__).parents[1] / "configs" / "files.py"),
)
MOST_LINES = 2000


def killed_at_line(work, number):
    """Run `work` in a child, killed at its n-th new line; False when it got through before that."""
    child = os.fork()
    if child == 0:
        _until_line(work, number)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    return True


def _until_line(work, number):
    seen = set()

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) >= number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    code = 1
    try:
        sys.settrace(trace)
        work()
        code = 0
    finally:
        sys.settrace(None)
        os._exit(code)


class Kept:
    """The world as it was, to begin again from."""

    def __init__(self, world):
        self.world = world
        self.copy = world.top.parent / f"{world.top.name}-kept"
        shutil.copytree(world.top, self.copy, symlinks=True)

    def again(self):
        for name in ("program", "home"):
            shutil.rmtree(self.world.top / name)
            shutil.copytree(self.copy / name, self.world.top / name, symlinks=True)


def ends_whole(world, work, first, every):
    """Kill at every so-manieth line; the next process finishes. With which versions it ended."""
    kept, found, number = Kept(world), {}, first
    while killed_at_line(work, number):
        assert number < MOST_LINES
        before = world.folder.current()
        assert world.says("--version") == f"cryptobot {before}"
        assert world.trial().resume() is None or world.trial().resume() is None
        version = world.assert_whole("1.0.0", "2.0.0")
        found.setdefault(version, []).append(number)
        kept.again()
        number += every
    assert number > 100, "the work was hardly watched"
    return found


def updating(world, **settings):
    """What is killed: an update."""
    ready = world.folder.read_ready()
    return lambda: apply(world.trial(**settings), ready, Wish(actor="ann"))


@pytest.mark.parametrize(("first", "every"), [(7, 41), pytest.param(1, 1, marks=pytest.mark.slow)])
def test_an_update_killed_anywhere(world, first, every):
    """Before the switch it ends with the old version, after it with the new one; both are whole."""
    world.offer()
    found = ends_whole(world, updating(world), first, every)
    assert max(found["1.0.0"]) < min(found["2.0.0"])


@pytest.mark.parametrize(("first", "every"), [(11, 53), pytest.param(1, 1, marks=pytest.mark.slow)])
def test_a_failing_update_killed_anywhere(world, first, every):
    """A version that does not come up is taken back, whoever finishes that."""
    world.offer()
    world.platform.bad = ("trade", "2.0.0")

    def work():
        try:
            updating(world, trial_s=0)()
        except Exception:  # the reason is not the point here, where it ends is
            return

    kept, number = Kept(world), first
    while killed_at_line(work, number):
        for _ in range(2):
            try:
                world.trial(trial_s=0).resume()
            except Exception as error:
                assert "taken back" in str(error), error
        world.assert_whole("1.0.0")
        kept.again()
        number += every
    assert number > 150


@pytest.mark.parametrize(("first", "every"), [(5, 37), pytest.param(1, 1, marks=pytest.mark.slow)])
def test_a_rollback_killed_anywhere(world, first, every):
    """It begins with the journal: from there on it ends with the version before."""
    world.offer()
    apply(world.trial(), world.folder.read_ready(), Wish(actor="ann"))
    found = ends_whole(world, lambda: roll_back(world.trial(), "ann"), first, every)
    assert max(found.get("2.0.0", [0])) < min(found["1.0.0"])


def test_a_resumption_killed_anywhere(world):
    """Who finishes may be killed as well: the next one finishes."""
    world.offer()
    work, kept = updating(world), Kept(world)
    switched = next(n for n in range(220, 400, 20) if _switches(world, work, n, kept))
    for number in range(3, 80, 25):
        assert killed_at_line(work, switched)
        if killed_at_line(lambda: world.trial().resume(), number):
            world.trial().resume()
        world.assert_whole("2.0.0")
        kept.again()


def _switches(world, work, number, kept):
    """Whether a kill at this line leaves the new version on trial."""
    assert killed_at_line(work, number)
    found = world.folder.current() == "2.0.0"
    kept.again()
    return found
