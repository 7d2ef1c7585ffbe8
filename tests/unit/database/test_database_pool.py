"""The pool of reading connections, without a database."""

import threading

import pytest
from cryptobot.services.database.pool import Pool

PATIENCE_S = 45


class Ends:
    """Counts threads that begin and end."""

    def __init__(self):
        self.begun, self.ended = [], []
        self.one_ended = threading.Event()

    def begin(self):
        self.begun.append(threading.current_thread())

    def end(self):
        self.ended.append(threading.current_thread())
        self.one_ended.set()


@pytest.fixture
def ends():
    """Counters."""
    return Ends()


def test_as_many_run_at_once_as_the_pool_has_and_no_more(ends):
    """Two of three calls meet each other; the third waits."""
    pool = Pool("t", 2, begin=ends.begin, end=ends.end)
    meeting, gate = threading.Barrier(2, timeout=PATIENCE_S), threading.Event()

    def meet():
        meeting.wait()
        return gate.wait(PATIENCE_S)

    first = [pool.submit(meet) for _ in range(2)]
    third = pool.submit(lambda: "third")
    use = pool.use()
    assert (use.connections, use.waiting + use.busy) == (2, 3)
    assert not third.done()
    gate.set()
    assert [one.result(PATIENCE_S) for one in first] == [True, True]
    assert third.result(PATIENCE_S) == "third"
    pool.close()
    assert len(ends.begun) == len(ends.ended) == 2
    assert pool.use().served == 3


def test_one_caller_after_another_needs_one_connection(ends):
    """A connection is used again instead of making another."""
    pool = Pool("t", 4, begin=ends.begin, end=ends.end)
    for number in range(20):
        assert pool.submit(lambda number=number: number).result(PATIENCE_S) == number
    assert pool.use().connections <= 2
    pool.close()


def test_idle_connections_are_closed_and_made_anew(ends):
    """After a while without work a thread ends; the next call begins another."""
    pool = Pool("t", 2, begin=ends.begin, end=ends.end, idle_s=0.01)
    assert pool.submit(lambda: 1).result(PATIENCE_S) == 1
    assert ends.one_ended.wait(PATIENCE_S)
    assert pool.submit(lambda: 2).result(PATIENCE_S) == 2
    pool.close()
    assert len(ends.begun) == 2


def test_an_error_is_the_callers_and_the_connection_goes_on(ends):
    """What a call raises is raised to whoever asked; the thread lives."""
    pool = Pool("t", 1, begin=ends.begin, end=ends.end)
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(PATIENCE_S)
    assert pool.submit(lambda: "well").result(PATIENCE_S) == "well"
    pool.close()
    assert len(ends.begun) == 1


def test_a_connection_that_cannot_be_made_is_tried_again(ends):
    """Whoever asks meanwhile is told; later calls work."""
    failing = [OSError("away")]

    def begin():
        if failing:
            raise failing.pop()

    pool = Pool("t", 1, begin=begin, end=ends.end)
    with pytest.raises(OSError, match="away"):
        pool.submit(lambda: 1).result(PATIENCE_S)
    assert pool.submit(lambda: 2).result(PATIENCE_S) == 2
    pool.close()


def test_closing_finishes_what_was_given(ends):
    """Nothing that was asked before the end is lost; afterwards the pool refuses."""
    pool = Pool("t", 1, begin=ends.begin, end=ends.end)
    asked = [pool.submit(lambda number=number: number) for number in range(50)]
    pool.close()
    assert [one.result(0) for one in asked] == list(range(50))
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(lambda: 1)
    pool.close()
