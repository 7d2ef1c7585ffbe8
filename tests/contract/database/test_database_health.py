"""Reading connections and health, the same on every engine."""

import asyncio
import threading

import pytest
from cryptobot.bus.contracts.database import DatabaseHealth
from cryptobot.bus.contracts.service import Alert
from cryptobot.configs.schema import DatabaseSettings, Settings
from cryptobot.services.database.driver import peewee
from cryptobot.services.database.fields import CharField, Model
from cryptobot.services.database.health import DatabaseWatch, examine
from cryptobot.services.database.migrations import Migration, create_tables

PATIENCE_S = 45


class NoteRow(Model):
    """Something to read."""

    id = CharField(max_length=40, primary_key=True)

    class Meta:
        table_name = "notes"


FIRST = Migration(1, "notes", (create_tables(NoteRow),))


class FakeService:
    """What the watch tells."""

    def __init__(self, slow_after_s=60.0):
        self.settings = Settings(database=DatabaseSettings(slow_after_s=slow_after_s))
        self.told, self.ills, self.bus = [], [], self

    def publish(self, topic, message):
        self.told.append((topic, message))

    def ill(self, what, reason):
        self.ills.append((what, reason))

    def alerts(self):
        return [(one.key, one.severity, one.recovered) for _, one in self.told if isinstance(one, Alert)]


@pytest.fixture
def database(place):
    """An open database with one row."""
    opened = place.open([NoteRow], [FIRST])
    NoteRow.create(id="first")
    yield opened
    opened.close()


def test_readers_run_at_once_and_see_what_was_committed(database):
    """Two reads meet each other; both see the row."""
    meeting = threading.Barrier(2, timeout=PATIENCE_S)

    def read():
        meeting.wait()
        return [row.id for row in NoteRow.select()]

    async def both():
        return await asyncio.gather(database.read(read), database.read(read))

    assert asyncio.run(both()) == [["first"], ["first"]]
    assert database.pool_use().connections == 2


def test_a_reading_connection_cannot_write(database):
    """A mistake is refused by the engine; nothing was written."""
    with pytest.raises(peewee.DatabaseError):
        asyncio.run(database.read(NoteRow.create, id="second"))
    assert [row.id for row in NoteRow.select()] == ["first"]


def test_a_sound_database_is_told_on_the_bus_and_nobody_is_alarmed(database, place):
    """The message names engine, place and speed."""
    service = FakeService()
    finding = asyncio.run(DatabaseWatch(service, database).look())
    assert (finding.state, finding.detail) == ("ok", "")
    ((topic, message),) = service.told
    assert topic == f"service.database.{place.owner}"
    assert isinstance(message, DatabaseHealth)
    assert (message.engine, message.state, message.where) == (place.engine, "ok", database.where)
    assert message.latency_ms > 0
    assert service.ills == []


def test_a_slow_database_is_an_alert_at_the_second_look_and_ends(database):
    """One busy moment alarms nobody; the alert is taken back when it is quick again."""
    service = FakeService(slow_after_s=1e-9)
    watch = DatabaseWatch(service, database)
    asyncio.run(watch.look())
    assert service.alerts() == []
    asyncio.run(watch.look())
    service.settings = Settings(database=DatabaseSettings(slow_after_s=60))
    asyncio.run(watch.look())
    key = f"database.{database.owner}.slow"
    assert service.alerts() == [(key, "warning", False), (key, "warning", True)]
    assert [bool(reason) for _, reason in service.ills] == [True, False]


def test_an_error_of_the_engine_that_lasts_is_told_until_a_transaction_succeeds(database):
    """A full disk is seen where it hurts: in the transaction that failed."""
    with pytest.raises(peewee.OperationalError), database.transaction():
        raise peewee.OperationalError("database or disk is full")
    assert asyncio.run(examine(database, 60)).state == "full"
    with database.transaction():
        NoteRow.create(id="second")
    assert asyncio.run(examine(database, 60)).state == "ok"


@pytest.mark.parametrize("engine", ["postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def test_a_server_that_is_gone_is_an_alert_until_it_is_back(own_server, place_maker, engine):
    """Away and back, each told once."""
    place = place_maker(engine, own_server(engine))
    database = place.open([NoteRow], [FIRST])
    service = FakeService()
    watch = DatabaseWatch(service, database)
    asyncio.run(watch.look())
    place.server.stop()
    for _ in range(2):
        assert asyncio.run(watch.look()).state == "away"
    place.server.start()
    assert asyncio.run(watch.look()).state == "ok"
    key = f"database.{place.owner}.away"
    assert service.alerts() == [(key, "error", False), (key, "error", True)]
    assert "does not answer" in service.ills[0][1]
    database.close()
