"""What every bus does, whatever carries it."""

import asyncio
import queue
import threading
import time
from typing import Any

import pytest
from cryptobot.bus.api import Received, Request
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.bus import DeadLetter
from cryptobot.bus.contracts.market import Candle, Candles, ListCandles, MarketTrade
from cryptobot.bus.contracts.service import Alert, Ping
from cryptobot.configs.errors import BusTimeoutError, RequestFailedError, SettingsError


def candle(close: str = "1.5", symbol: str = "BTC/USDT") -> Candle:
    """A candle whose close tells it apart."""
    return Candle(
        exchange="paper",
        symbol=symbol,
        timeframe="1s",
        open_ms=1,
        open="1",
        high="2",
        low="1",
        close=close,
        volume="3",
        closed=True,
    )


TOPIC = "market.candle.paper.BTC-USDT.1s"


async def take(inbox: "asyncio.Queue[Any]", number: int) -> list[Any]:
    """The next messages, within ten seconds."""
    async with asyncio.timeout(10):
        return [await inbox.get() for _ in range(number)]


async def test_a_subscriber_gets_what_is_published_in_order(buses: Any) -> None:
    """Messages arrive whole, in order, with their envelope."""
    sender, reader = await buses.open_async("data"), await buses.open_async("strategy")
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    reader.subscribe("market.candle.", Candle, inbox.put_nowait)
    await reader.settled()
    publisher = sender.topic(TOPIC, Candle)
    ids = [publisher.send(candle(str(number))) for number in range(300)]
    got = await take(inbox, 300)
    assert [each.message for each in got] == [candle(str(number)) for number in range(300)]
    assert [(each.source, each.epoch, each.seq) for each in got] == [(i.source, i.epoch, i.seq) for i in ids]
    assert {each.topic for each in got} == {TOPIC}
    await sender.close()
    await reader.close()


async def test_the_first_messages_of_a_client_are_not_lost(buses: Any) -> None:
    """What is published right after opening waits until the broker is reached."""
    reader = await buses.open_async("strategy")
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    reader.subscribe("market.", Candle, inbox.put_nowait)
    await reader.settled()
    sender = await buses.open_async("data")
    sender.publish(TOPIC, candle("7"))
    assert (await take(inbox, 1))[0].message.close == "7"
    await sender.close()
    await reader.close()


async def test_what_comes_by_a_shortcut_and_through_the_broker_counts_once(buses: Any) -> None:
    """Each message is handled once and in order, and none is counted as a duplicate or as lost."""
    sender, reader = await buses.open_async("data"), await buses.open_async("strategy")
    await sender.settled()
    sender.offer_direct()
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    subscription = reader.subscribe("market.candle.", Candle, inbox.put_nowait, shortcut="data")
    await reader.settled()
    publisher = sender.topic(TOPIC, Candle)
    for number in range(100):
        publisher.send(candle(str(number)))
        assert [each.message.close for each in await take(inbox, 1)] == [str(number)]
    await reader.settled()  # what went through the broker is here by now
    assert inbox.empty()
    assert reader.counters.troubles() == {}
    subscription.close()
    publisher.send(candle("100"))
    await reader.settled()
    assert inbox.empty()
    await sender.close()
    await reader.close()


async def test_a_shortcut_to_a_service_that_offers_none_goes_through_the_broker(buses: Any) -> None:
    """A subscription with a shortcut works wherever one without it does."""
    sender, reader = await buses.open_async("data"), await buses.open_async("strategy")
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    reader.subscribe(TOPIC, Candle, inbox.put_nowait, shortcut="data")
    await reader.settled()
    sender.publish(TOPIC, candle("1"))
    assert (await take(inbox, 1))[0].message.close == "1"
    await sender.close()
    await reader.close()


async def test_a_subscription_is_of_one_class_and_one_prefix(buses: Any) -> None:
    """Other topics and other classes on the same topic do not arrive."""
    bus = await buses.open_async("data")
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    bus.subscribe(TOPIC, Candle, inbox.put_nowait)
    await bus.settled()
    trade = MarketTrade(exchange="x", symbol="s", id="1", ts_ms=1, side="buy", price="1", amount="1")
    bus.publish(TOPIC, trade)
    bus.publish("market.candle.paper.ETH-USDT.1s", candle("2"))
    bus.publish(TOPIC, candle("3"))
    assert (await take(inbox, 1))[0].message.close == "3"
    assert inbox.empty()
    await bus.close()


async def test_async_handlers_run_one_at_a_time_in_order(buses: Any) -> None:
    """A slow handler delays the next message of its subscription; it never overlaps it."""
    bus = await buses.open_async("data")
    running, seen, done = 0, [], asyncio.Event()

    async def handle(received: Received[Candle]) -> None:
        nonlocal running
        running += 1
        assert running == 1
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1
        seen.append(received.message.close)
        if len(seen) == 20:
            done.set()

    bus.subscribe(TOPIC, Candle, handle)
    await bus.settled()
    for number in range(20):
        bus.publish(TOPIC, candle(str(number)))
    await asyncio.wait_for(done.wait(), 10)
    assert seen == [str(number) for number in range(20)]
    await bus.close()


async def test_a_handler_that_raises_makes_a_dead_letter_and_nothing_else(buses: Any) -> None:
    """The message goes to the dead-letter topic, and the next one is handled."""
    bus = await buses.open_async("data")
    inbox: asyncio.Queue[Any] = asyncio.Queue()

    def handle(received: Received[Candle]) -> None:
        if received.message.close == "bad":
            raise ValueError("no such price")
        inbox.put_nowait(received)

    letters: asyncio.Queue[Received[DeadLetter]] = asyncio.Queue()
    bus.subscribe(TOPIC, Candle, handle)
    bus.subscribe("dlq.data", DeadLetter, letters.put_nowait)
    await bus.settled()
    bus.publish(TOPIC, candle("bad"))
    bus.publish(TOPIC, candle("good"))
    assert (await take(inbox, 1))[0].message.close == "good"
    letter = (await take(letters, 1))[0].message
    assert (letter.topic, letter.seq, letter.error) == (TOPIC, 1, "ValueError: no such price")
    await bus.close()


async def test_a_closed_subscription_is_silent(buses: Any) -> None:
    """After close no message arrives; another subscription on the same prefix goes on."""
    bus = await buses.open_async("data")
    ended, kept = asyncio.Queue(), asyncio.Queue()
    first = bus.subscribe("market.", Candle, ended.put_nowait)
    bus.subscribe("market.", Candle, kept.put_nowait)
    first.close()
    first.close()
    await bus.settled()
    bus.publish(TOPIC, candle())
    await take(kept, 1)
    assert ended.empty()
    await bus.close()


async def test_a_correlation_id_travels(buses: Any) -> None:
    """The id of the cause arrives as it was given."""
    bus = await buses.open_async("data")
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    bus.subscribe("alert.", Alert, inbox.put_nowait)
    await bus.settled()
    alert = Alert(key="k", severity="error", source="s", title="t", detail="d")
    bus.publish("alert.error", alert, correlation_id="ab" * 16)
    bus.publish("alert.error", alert)
    got = await take(inbox, 2)
    assert [each.correlation_id for each in got] == ["ab" * 16, ""]
    await bus.close()


async def test_a_request_is_answered(buses: Any) -> None:
    """Sync and async handlers answer with their class."""
    server, client = await buses.open_async("data"), await buses.open_async("dashboard")

    async def list_candles(request: Request[ListCandles]) -> Candles:
        await asyncio.sleep(0)
        assert request.source == "dashboard"
        return Candles(candles=[candle(request.message.symbol)])

    server.serve(ListCandles, list_candles)
    server.serve(Ping, lambda request: Done(message="pong"))
    assert (await client.request("data", Ping(), Done)).message == "pong"
    wish = ListCandles(exchange="paper", symbol="ETH/USDT", timeframe="1s")
    assert (await client.request("data", wish, Candles)).candles[0].close == "ETH/USDT"
    await server.close()
    await client.close()


async def test_a_refusal_is_a_typed_error(buses: Any) -> None:
    """Errors raised on purpose keep their code; bugs are `internal`; unknown requests are told."""
    server, client = await buses.open_async("data"), await buses.open_async("dashboard")

    def refuse(request: Request[Ping]) -> Done:
        raise SettingsError("symbols is empty")

    def crash(request: Request[ListCandles]) -> Candles:
        raise KeyError("x")

    server.serve(Ping, refuse)
    with pytest.raises(RequestFailedError, match="symbols is empty") as refused:
        await client.request("data", Ping(), Done)
    assert refused.value.code == "settings"
    wish = ListCandles(exchange="paper", symbol="ETH/USDT", timeframe="1s")
    with pytest.raises(RequestFailedError) as unknown:
        await client.request("data", wish, Candles)
    assert unknown.value.code == "unknown_request"
    server.serve(ListCandles, crash)
    with pytest.raises(RequestFailedError) as internal:
        await client.request("data", wish, Candles)
    assert internal.value.code == "internal"
    await server.close()
    await client.close()


async def test_a_slow_request_is_carried_out_once_however_often_it_is_tried(buses: Any) -> None:
    """Retries with the same id wait for the first one's answer."""
    server, client = await buses.open_async("data"), await buses.open_async("dashboard")
    carried_out = []

    async def slow(request: Request[Ping]) -> Done:
        carried_out.append(request.id)
        await asyncio.sleep(0.4)
        return Done(message="late")

    server.serve(Ping, slow)
    assert (await client.request("data", Ping(), Done, timeout_s=3.0, tries=5)).message == "late"
    assert len(carried_out) == 1
    await server.close()
    await client.close()


async def test_a_service_that_is_away_is_a_timeout_and_later_answers(buses: Any) -> None:
    """A caller that gave up is not wedged: the next request reaches the service that came meanwhile."""
    client = await buses.open_async("dashboard")
    with pytest.raises(BusTimeoutError, match="data did not answer Ping"):
        await client.request("data", Ping(), Done, timeout_s=0.2, tries=2)
    server = await buses.open_async("data")
    server.serve(Ping, lambda request: Done(message="pong"))
    assert (await client.request("data", Ping(), Done)).message == "pong"
    await server.close()
    await client.close()


async def test_many_requests_at_once(buses: Any) -> None:
    """Answers find their callers in whatever order they come."""
    server, client = await buses.open_async("data"), await buses.open_async("dashboard")

    async def echo(request: Request[ListCandles]) -> Candles:
        await asyncio.sleep(0.001 * (request.message.limit % 7))
        return Candles(candles=[candle(str(request.message.limit))])

    server.serve(ListCandles, echo)

    async def ask(number: int) -> str:
        wish = ListCandles(exchange="paper", symbol="s", timeframe="1s", limit=number)
        return (await client.request("data", wish, Candles)).candles[0].close

    assert await asyncio.gather(*(ask(n) for n in range(100))) == [str(n) for n in range(100)]
    await server.close()
    await client.close()


def test_the_blocking_face_does_the_same(buses: Any) -> None:
    """Publish, subscribe, serve and request work from plain threads."""
    server, client = buses.open_blocking("data"), buses.open_blocking("cli-1234")
    inbox: queue.Queue[Received[Candle]] = queue.Queue()
    client.subscribe("market.candle.", Candle, inbox.put)
    client.settled()
    publisher = server.topic(TOPIC, Candle)
    threads = [
        threading.Thread(target=lambda: [publisher.send(candle()) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [inbox.get(timeout=10).seq for _ in range(200)] == list(range(1, 201))
    server.serve(Ping, lambda request: Done(message=request.source))
    assert client.request("data", Ping(), Done).message == "cli-1234"
    with pytest.raises(BusTimeoutError):
        client.request("nobody", Ping(), Done, timeout_s=0.1, tries=1)
    client.close()
    server.close()


async def test_the_faces_meet(buses: Any) -> None:
    """A blocking client talks to an asyncio one, requests included."""
    server = await buses.open_async("data")
    client = buses.open_blocking("cli-1")
    server.serve(Ping, lambda request: Done(message="pong"))
    reply = await asyncio.to_thread(client.request, "data", Ping(), Done)
    assert reply.message == "pong"
    inbox: queue.Queue[Received[Candle]] = queue.Queue()
    client.subscribe("market.", Candle, inbox.put)
    await asyncio.to_thread(client.settled)
    server.publish(TOPIC, candle())
    assert (await asyncio.to_thread(inbox.get, True, 10)).message == candle()
    await asyncio.to_thread(client.close)
    await server.close()


async def test_a_request_whose_caller_is_gone_ends_where_that_is_offered(buses: Any) -> None:
    """A cancellable handler is cancelled with its caller; any other runs to its end."""
    server, client = await buses.open_async("data"), await buses.open_async("dashboard")
    begun, ended, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def long(request: Request[ListCandles]) -> Candles:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Candles(candles=[])

    async def brief(request: Request[Ping]) -> Done:
        begun.set()
        await asyncio.sleep(0.1)
        finished.set()
        return Done()

    server.serve(ListCandles, long, cancellable=True)
    server.serve(Ping, brief)
    wish = ListCandles(exchange="paper", symbol="s", timeframe="1s")
    async with asyncio.timeout(10):
        asking = asyncio.ensure_future(client.request("data", wish, Candles))
        await begun.wait()
        asking.cancel()
        await ended.wait()
        begun.clear()
        asking = asyncio.ensure_future(client.request("data", Ping(), Done))
        await begun.wait()
        asking.cancel()
        await finished.wait()
    await server.close()
    await client.close()


async def test_a_reader_that_fell_behind_skips_what_is_too_old(buses: Any) -> None:
    """With max_lag_s old messages are dropped and counted; young ones are handled."""
    sender, reader = await buses.open_async("data"), await buses.open_async("strategy")
    young, every = asyncio.Queue(), asyncio.Queue()
    reader.subscribe("market.", Candle, young.put_nowait, max_lag_s=0.2)
    reader.subscribe("market.", Candle, every.put_nowait)
    await asyncio.gather(sender.settled(), reader.settled())
    sender.publish(TOPIC, candle("old"))
    time.sleep(0.3)  # noqa: ASYNC251  the loop is held up: that is the point
    sender.publish(TOPIC, candle("new"))
    assert [each.message.close for each in await take(every, 2)] == ["old", "new"]
    assert [each.message.close for each in await take(young, 1)] == ["new"]
    assert reader.counters.late == 1
    await sender.close()
    await reader.close()


async def test_a_batched_stream_arrives_like_any_other(buses: Any) -> None:
    """Numbers, order and last values are as without batches; one message goes at the end of the turn."""
    sender, reader = await buses.open_async("data"), await buses.open_async("strategy")
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    reader.subscribe("market.", Candle, inbox.put_nowait)
    await asyncio.gather(sender.settled(), reader.settled())
    publisher = sender.topic(TOPIC, Candle, batch=16)
    sent = [publisher.send(candle(str(number))) for number in range(100)]
    got = await take(inbox, 100)
    publisher.send(candle("last"))
    got += await take(inbox, 1)
    assert [each.message.close for each in got] == [*map(str, range(100)), "last"]
    assert [each.seq for each in got] == [*(each.seq for each in sent), 101]
    publisher.send(candle("a"))
    publisher.send(candle("b"))
    await take(inbox, 2)
    late = await buses.open_async("dashboard")
    late.subscribe("market.", Candle, inbox.put_nowait, last_value=True)
    assert [each.message.close for each in await take(inbox, 1)] == ["b"]
    assert reader.counters.lost == 0
    for bus in (sender, reader, late):
        await bus.close()


async def test_events_are_not_batched(buses: Any) -> None:
    """Each event is written and sent before `send` returns; asking for batches of them is refused."""
    bus = await buses.open_async("data")
    with pytest.raises(ValueError, match="batched"):
        bus.topic("alert.info", Alert, batch=16)
    await bus.close()


async def test_what_is_said_on_several_topics_is_heard_in_order(buses: Any) -> None:
    """Messages that wait to share a frame go before whatever their sender says next elsewhere."""
    sender, reader = await buses.open_async("data"), await buses.open_async("strategy")
    inbox: asyncio.Queue[Received[Any]] = asyncio.Queue()
    reader.subscribe("market.", Candle, inbox.put_nowait)
    reader.subscribe("alert.", Alert, inbox.put_nowait)
    await asyncio.gather(sender.settled(), reader.settled())
    first, second = sender.topic(TOPIC, Candle, batch=16), sender.topic(f"{TOPIC}.b", Candle, batch=16)
    for publisher, text in ((first, "1"), (first, "2"), (second, "3"), (first, "4")):
        publisher.send(candle(text))
    sender.publish("alert.info", Alert(key="5", severity="info", source="s", title="t", detail="d"))
    got = await take(inbox, 5)
    assert [getattr(each.message, "close", None) or each.message.key for each in got] == list("12345")
    await sender.close()
    await reader.close()


def test_a_burst_arrives_whole_though_nothing_follows_it(buses: Any) -> None:
    """The blocking face lets the end of a busy stream go by itself."""
    sender, reader = buses.open_blocking("data"), buses.open_blocking("strategy")
    inbox: queue.SimpleQueue[Received[Candle]] = queue.SimpleQueue()
    reader.subscribe("market.", Candle, inbox.put)
    sender.settled()
    reader.settled()
    publisher = sender.topic(TOPIC, Candle)
    sent = [publisher.send(candle()).seq for _ in range(3000)]
    assert [inbox.get(timeout=45).seq for _ in sent] == sent
    assert reader.counters.lost == 0
    sender.close()
    reader.close()
