"""The gate to the venue (T26)."""

import asyncio

import pytest
from cryptobot.services.trade.dispatcher import Dispatcher, Urgency


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


async def turns(count=12):
    for _ in range(count):
        await asyncio.sleep(0)


def carried_out(work, **options):
    """Run `work(dispatcher)` beside a running dispatcher."""

    async def scenario():
        dispatcher = Dispatcher(options.pop("orders_per_10s", 100), **options)
        running = asyncio.ensure_future(dispatcher.run())
        try:
            return await work(dispatcher, running)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return asyncio.run(scenario())


def test_cancels_overtake_questions_and_orders():
    """What was put last and is more urgent goes first."""
    done = []

    def noting(name):
        async def work():
            done.append(name)

        return work

    async def work(dispatcher, running):
        dispatcher.put(Urgency.ORDER, noting("order"))
        dispatcher.put(Urgency.QUESTION, noting("question"))
        dispatcher.put(Urgency.CANCEL, noting("cancel"))
        await turns()

    carried_out(work)
    assert done == ["cancel", "question", "order"]


def test_no_more_orders_than_allowed_in_any_ten_seconds():
    """The third of two allowed waits until the first is ten seconds old, and somebody is told."""
    clock, sent, held = Clock(), [], []

    async def send():
        sent.append(clock.now)

    async def work(dispatcher, running):
        dispatcher.on_held = lambda waiting, pause_s: held.append((waiting, pause_s))
        for _ in range(3):
            dispatcher.put(Urgency.ORDER, send)
        await turns()
        assert sent == [100.0, 100.0]
        clock.now = 110.0
        dispatcher.put(Urgency.CANCEL, send)
        await turns()

    carried_out(work, orders_per_10s=2, clock=clock)
    assert sent == [100.0, 100.0, 110.0, 110.0]
    assert held[0] == (1, 10.0)


def test_orders_that_hang_leave_room_for_cancels():
    """With every place for orders taken by calls that never end, a cancel still goes out."""
    gone = []

    async def hang():
        await asyncio.Event().wait()

    async def cancel():
        gone.append("cancel")

    async def work(dispatcher, running):
        for _ in range(20):
            dispatcher.put(Urgency.ORDER, hang)
        await turns()
        dispatcher.put(Urgency.CANCEL, cancel)
        await turns()
        assert dispatcher.waiting == 14

    carried_out(work, at_once=8)
    assert gone == ["cancel"]


def test_work_that_breaks_ends_the_gate():
    """An error that nobody expected is not swallowed: the service fails with it and is restarted."""

    async def broken():
        raise ZeroDivisionError("no")

    async def work(dispatcher, running):
        dispatcher.put(Urgency.QUESTION, broken)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(running, 5)

    carried_out(work)
