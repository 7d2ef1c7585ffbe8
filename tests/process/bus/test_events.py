"""Events are written ahead: whatever dies, none is lost and none is handled twice."""

import asyncio
import subprocess
import sys
from typing import Any

from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Received
from cryptobot.bus.contracts.service import Alert
from cryptobot.bus.outbox import Outbox, folder_of
from cryptobot.configs.paths import Home


def alert(number: int) -> Alert:
    """An alert that carries a number."""
    return Alert(key=str(number), severity="info", source="t", title="t", detail="d")


async def take(inbox: "asyncio.Queue[Received[Alert]]", number: int) -> list[str]:
    """The keys of the next alerts, within twenty seconds."""
    async with asyncio.timeout(20):
        return [(await inbox.get()).message.key for _ in range(number)]


def publish_in_a_process(home: Home, first: int, last: int, ending: str) -> None:
    """A publisher with a life of its own; `ending` is its last statement."""
    code = f"""
import asyncio, os, sys
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.service import Alert
from cryptobot.configs.paths import Home
async def main():
    bus = await AsyncBus.open(Home.find(sys.argv[1]), "publisher")
    await bus.settled()
    for n in range({first}, {last} + 1):
        bus.publish("alert.info", Alert(key=str(n), severity="info", source="t", title="t", detail="d"))
    {ending}
    await bus.close()
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", code, str(home.root)], check=False, timeout=30)


async def test_events_lost_on_the_way_are_healed_in_order(home: Home, broker: Any) -> None:
    """What is published while no broker is up arrives after it, in order and once."""
    sender, reader = await AsyncBus.open(home, "trade"), await AsyncBus.open(home, "dashboard")
    inbox: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    reader.subscribe("alert.", Alert, inbox.put_nowait)
    await asyncio.gather(sender.settled(), reader.settled())
    sender.publish("alert.info", alert(1))
    assert await take(inbox, 1) == ["1"]
    broker.kill()
    for number in range(2, 102):
        sender.publish("alert.info", alert(number))
    broker.start()
    assert await take(inbox, 100) == [str(number) for number in range(2, 102)]
    sender.publish("alert.info", alert(102))
    assert await take(inbox, 1) == ["102"]
    assert inbox.empty()
    assert reader.counters.lost == 0
    await sender.close()
    await reader.close()


async def test_a_publisher_that_dies_before_sending_loses_nothing(home: Home, broker: Any) -> None:
    """Events that were written and never sent are made known by the broker for their dead publisher."""
    reader = await AsyncBus.open(home, "dashboard")
    inbox: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    reader.subscribe("alert.", Alert, inbox.put_nowait)
    await reader.settled()
    await asyncio.to_thread(publish_in_a_process, home, 1, 3, "pass")
    assert await take(inbox, 3) == ["1", "2", "3"]
    silent = "bus._send = bus._outgoing.emit = lambda frame: None"
    more = f"{silent}; [bus.publish('alert.info', Alert(key=str(n), severity='info', source='t', title='t',"
    more += " detail='d')) for n in (4, 5)]; os._exit(9)"
    await asyncio.to_thread(publish_in_a_process, home, 1, 0, more)
    assert await take(inbox, 2) == ["4", "5"]
    await reader.close()


async def test_numbers_go_on_in_the_next_life(home: Home, broker: Any) -> None:
    """A restarted publisher continues the numbers of its topics under a greater epoch."""
    reader = await AsyncBus.open(home, "dashboard")
    inbox: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    reader.subscribe("alert.", Alert, inbox.put_nowait)
    await reader.settled()
    for life in range(3):
        await asyncio.to_thread(publish_in_a_process, home, life * 2, life * 2 + 1, "pass")
    async with asyncio.timeout(20):
        got = [await inbox.get() for _ in range(6)]
    assert [each.seq for each in got] == [1, 2, 3, 4, 5, 6]
    assert len({each.epoch for each in got}) == 3
    assert sorted(each.epoch for each in got) == [each.epoch for each in got]
    await reader.close()


async def test_a_durable_consumer_goes_on_where_it_stopped(home: Home, broker: Any) -> None:
    """What was published while it was away arrives when it is back; what it had handled does not."""
    sender, reader = await AsyncBus.open(home, "trade"), await AsyncBus.open(home, "notify")
    inbox: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    reader.subscribe("alert.", Alert, inbox.put_nowait, durable="alerts")
    await asyncio.gather(sender.settled(), reader.settled())
    sender.publish("alert.info", alert(1))
    assert await take(inbox, 1) == ["1"]
    await reader.close()
    sender.publish("alert.info", alert(2))
    sender.publish("alert.new-topic", alert(3))
    reader = await AsyncBus.open(home, "notify")
    reader.subscribe("alert.", Alert, inbox.put_nowait, durable="alerts")
    assert sorted(await take(inbox, 2)) == ["2", "3"]
    sender.publish("alert.info", alert(4))
    assert await take(inbox, 1) == ["4"]
    assert reader.counters.lost == 0
    await sender.close()
    await reader.close()


async def test_a_late_joiner_gets_last_values_first(home: Home, broker: Any) -> None:
    """With last_value the newest message of each topic comes before the live ones."""
    sender = await AsyncBus.open(home, "trade")
    witness: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    sender.subscribe("alert.", Alert, witness.put_nowait)
    await sender.settled()
    for number in range(3):
        sender.publish("alert.a", alert(number))
        sender.publish("alert.b", alert(10 + number))
    await take(witness, 6)
    late = await AsyncBus.open(home, "dashboard")
    inbox: asyncio.Queue[Received[Alert]] = asyncio.Queue()
    late.subscribe("alert.", Alert, inbox.put_nowait, last_value=True)
    assert sorted(await take(inbox, 2)) == ["12", "2"]
    sender.publish("alert.a", alert(3))
    assert await take(inbox, 1) == ["3"]
    await sender.close()
    await late.close()


async def test_a_torn_outbox_is_cut_at_the_last_whole_record(home: Home, broker: Any) -> None:
    """After a crash while writing, the next life goes on behind the last whole event."""
    await asyncio.to_thread(publish_in_a_process, home, 1, 5, "pass")
    segment = next(folder_of(home, "publisher").glob("*.seg"))
    with segment.open("ab") as file:
        file.write(b"\x40\x00\x00\x00torn")
    outbox = Outbox(folder_of(home, "publisher"))
    assert outbox.last == {"alert.info": 5}
    outbox.close()
    assert b"torn" not in segment.read_bytes()
