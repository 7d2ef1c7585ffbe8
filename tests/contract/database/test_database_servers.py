"""What holds between engines and for servers: conversion, a server that goes away, TLS, wrong passwords."""

import multiprocessing
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault
from cryptobot.services.database.backup import backup_folder, make_backup, open_backup
from cryptobot.services.database.errors import DatabaseAccessError, DatabaseAwayError
from cryptobot.services.database.fields import AutoField, BlobField, CharField, DecimalField, Model, TextField
from cryptobot.services.database.migrations import Migration, create_tables
from cryptobot.services.database.store import Database, open_database
from cryptobot.services.database.target import server_target
from cryptobot.services.database.transfer import fingerprint, is_unfinished, transfer

SERVERS = ("postgresql", "mariadb")


class AccountRow(Model):
    """An account."""

    name = CharField(max_length=40, primary_key=True)

    class Meta:
        table_name = "accounts"


class BookingRow(Model):
    """A booking with every kind of value."""

    id = AutoField()
    account = CharField(max_length=40, index=True)
    amount = DecimalField()
    note = TextField(null=True)
    raw = BlobField(null=True)

    class Meta:
        table_name = "bookings"


MODELS = [AccountRow, BookingRow]
MIGRATIONS = [Migration(1, "bookings", (create_tables(*MODELS),))]


@pytest.fixture
def new_place(place_maker):
    """Makes opened databases on an engine; all are closed at the end."""
    opened: list[Database] = []

    def make(engine, *, tables=True):
        place = place_maker(engine)
        opened.append(place.open(MODELS if tables else [], MIGRATIONS if tables else []))
        return place, opened[-1]

    yield make
    for database in opened:
        database.close()


def book(database, count):
    """Bookings of all sorts."""
    database.bind(*MODELS)
    with database.transaction():
        AccountRow.create(name="main")
        for number in range(count):
            BookingRow.create(
                account="main",
                amount=Decimal(number) / 8 - Decimal("1E-18"),
                note=None if number % 3 else f"Nr. {number} ü\\'\"%",
                raw=bytes([number % 256]) if number % 2 else None,
            )


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("sqlite", "postgresql"),
        ("postgresql", "mariadb"),
        ("mariadb", "sqlcipher"),
        ("sqlcipher", "postgresql"),
        ("sqlite", "mariadb"),
    ],
)
def test_all_data_moves_between_engines(new_place, source, target):
    """Counts and checksums agree, values are the same, and new keys count on."""
    _, old = new_place(source)
    book(old, 700)
    _, new = new_place(target)
    reports = transfer(old.engine, new.engine, MODELS, where=new.where)
    assert sorted((report.table, report.rows) for report in reports) == [("accounts", 1), ("bookings", 700)]
    assert fingerprint(old.engine, BookingRow) == fingerprint(new.engine, BookingRow)
    assert not is_unfinished(new.engine)
    new.bind(*MODELS)
    assert BookingRow.get_by_id(4).amount == Decimal(3) / 8 - Decimal("1E-18")
    assert BookingRow.create(account="main", amount=1).id == 701


def test_a_target_with_rows_is_refused(new_place):
    """Rows that are there are never mixed with others."""
    _, old = new_place("sqlite")
    book(old, 3)
    _, new = new_place("sqlcipher")
    book(new, 1)
    with pytest.raises(DatabaseAccessError, match="holds rows already"):
        transfer(old.engine, new.engine, MODELS, where=new.where)


def _transfer_in_child(source, target):
    old, new = source.open(MODELS, MIGRATIONS), target.open(MODELS, MIGRATIONS)
    transfer(old.engine, new.engine, MODELS, where="child")


@pytest.mark.skipif(sys.platform == "win32", reason="forks and kills by signal")
@pytest.mark.parametrize("engine", SERVERS)
def test_a_killed_conversion_is_begun_anew(place_maker, engine):
    """A half-filled database is not opened by mistake; repeating the conversion finishes it."""
    source, target = place_maker("sqlite"), place_maker(engine)
    old = source.open(MODELS, MIGRATIONS)
    book(old, 4000)
    old.close()
    target.open(MODELS, MIGRATIONS).close()
    context = multiprocessing.get_context("fork")
    refused = 0
    for moment in range(8):
        child = context.Process(target=_transfer_in_child, args=(source, target))
        child.start()
        child.join(0.15 + moment * 0.06)
        child.kill()
        child.join(10)
        try:
            target.open(MODELS, MIGRATIONS).close()
        except DatabaseAccessError as error:
            assert "was interrupted; repeat" in str(error)
            refused += 1
    old = source.open(MODELS, MIGRATIONS)
    new = Database(target.owner, old.target, target.connect())
    if is_unfinished(new.engine) or fingerprint(new.engine, BookingRow)[0] == 0:
        transfer(old.engine, new.engine, MODELS, where="again")
    assert fingerprint(old.engine, BookingRow) == fingerprint(new.engine, BookingRow)
    old.close()
    new.close()


@pytest.mark.parametrize("engine", SERVERS)
def test_a_server_is_backed_up_into_a_file(new_place, engine):
    """The backup of a server is a SQLite file with the same rows."""
    place, database = new_place(engine)
    book(database, 50)
    path = make_backup(
        place.home, place.owner, database.engine, backup_folder(place.home), reason="test", models=MODELS
    )
    copy = open_backup(place.home, path)
    assert fingerprint(copy, BookingRow) == fingerprint(database.engine, BookingRow)
    copy.close()


@pytest.mark.parametrize("engine", SERVERS)
def test_a_server_that_goes_away_is_used_again_when_it_is_back(own_server, place_maker, engine):
    """While it is away callers are told within seconds; afterwards the same object works."""
    server = own_server(engine)
    place = place_maker(engine, server)
    database = place.open(MODELS, MIGRATIONS)
    database.engine.patience_s = 0.5
    book(database, 2)
    with pytest.raises(DatabaseAwayError, match="does not answer"), database.transaction():
        BookingRow.create(account="main", amount=3)
        server.stop()
        BookingRow.create(account="main", amount=4)
    with pytest.raises(DatabaseAwayError, match="does not answer"):
        BookingRow.select().count()
    with pytest.raises(DatabaseAwayError), database.transaction():
        BookingRow.create(account="main", amount=5)
    server.start()
    database.engine.patience_s = 5.0
    assert BookingRow.select().count() == 2
    with database.transaction():
        BookingRow.create(account="main", amount=6)
    assert BookingRow.select().count() == 3
    database.close()


@pytest.mark.parametrize("engine", SERVERS)
def test_a_restart_between_two_calls_is_not_noticed(own_server, place_maker, engine):
    """A connection that died while nobody used it is made anew without an error."""
    server = own_server(engine)
    database = place_maker(engine, server).open(MODELS, MIGRATIONS)
    book(database, 1)
    server.stop()
    server.start()
    assert BookingRow.select().count() == 1
    server.stop()
    server.start()
    with database.transaction():
        BookingRow.create(account="main", amount=1)
    assert BookingRow.select().count() == 2
    database.close()


@pytest.mark.parametrize("engine", SERVERS)
def test_a_wrong_password_is_told(place_maker, engine):
    """The server's refusal is a sentence without the password."""
    place = place_maker(engine)
    Vault(place.home).set("database.password", Secret("not the password"))
    with pytest.raises(DatabaseAccessError) as refused:
        place.open(MODELS, MIGRATIONS)
    assert "not the password" not in str(refused.value)
    assert "cannot be opened" in str(refused.value)


@pytest.mark.parametrize("engine", SERVERS)
def test_nobody_listening_is_told(place_maker, tmp_path, engine):
    """An address where nothing answers gives a sentence."""
    place = place_maker("sqlite")
    settings = DatabaseSettings(url=f"{engine}://cryptobot@127.0.0.1:1/cryptobot")
    with pytest.raises(DatabaseAwayError, match="does not answer"):
        open_database(place.home, "tests", settings=settings)


def test_a_server_elsewhere_is_used_over_tls_only(place_maker):
    """A URL that switches encryption off for another machine is refused before anything is sent."""
    place = place_maker("sqlite")
    settings = DatabaseSettings(url="postgresql://cryptobot@192.0.2.1/cryptobot?sslmode=disable")
    with pytest.raises(DatabaseAccessError, match="over TLS only"):
        open_database(place.home, "tests", settings=settings)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("oracle://x/y", "allowed are postgresql:// and mariadb://"),
        ("postgresql://u:secret-word@h/db", "holds a password"),
        ("postgresql://h/", "must end with the database's name"),
        ("postgresql://h/a;b", "must end with the database's name"),
        ("postgresql://h:99999/db", "cannot be understood"),
    ],
)
def test_wrong_urls_are_told(url, sentence):
    """Each fault of a URL has its sentence, and none repeats the password."""
    with pytest.raises(SettingsError, match=sentence) as wrong:
        server_target(url, "tests")
    assert "secret-word" not in str(wrong.value)


def _tls_files(folder: Path) -> None:
    """A certificate for 127.0.0.1, as its own authority."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cryptobot tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.key").write_bytes(pem)


@pytest.mark.parametrize("engine", SERVERS)
def test_tls_with_the_servers_certificate_verified(own_server, place_maker, engine):
    """With the authority in the URL the connection is encrypted; with another authority it is refused."""
    server = own_server(engine, _tls_files)
    name = {"postgresql": "sslrootcert", "mariadb": "ssl_ca"}[engine]
    options = {name: str(server.folder / "server.crt")} | (
        {"sslmode": "verify-full"} if name != "ssl_ca" else {}
    )
    place = place_maker(engine, server)
    place.settings = DatabaseSettings(url=server.url(**options))
    database = place.open(MODELS, MIGRATIONS)
    if engine == "postgresql":
        query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert database.query(query) == [(True,)]
    else:
        assert database.query("SHOW STATUS LIKE 'Ssl_cipher'")[0][1]
    database.close()
    other = server.folder / "other"
    other.mkdir()
    _tls_files(other)
    options[name] = str(other / "server.crt")
    place.settings = DatabaseSettings(url=server.url(**options))
    with pytest.raises(DatabaseAccessError, match="certificate"):
        place.open(MODELS, MIGRATIONS)
