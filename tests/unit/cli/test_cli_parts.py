"""Small parts of the commands: progress, bus lines, spans, the graph, changes of settings, the summary."""

from decimal import Decimal
from pathlib import Path

import pytest
from cryptobot.bus.contracts.bus import BusStats, TopicStats
from cryptobot.configs.errors import CryptoBotError, SettingsError, UsageError
from cryptobot.configs.paths import Home
from cryptobot.supervisor.catalogue.registry import Manifest
from cryptobot.supervisor.cli.buslines import as_json_line, for_people, mentions
from cryptobot.supervisor.cli.commands.bus_replay import read_span
from cryptobot.supervisor.cli.commands.bus_top import Rates, client_rows
from cryptobot.supervisor.cli.commands.config_set import read_changes
from cryptobot.supervisor.cli.commands.graph import as_text
from cryptobot.supervisor.cli.demo.summary import Summary, check, sentences
from cryptobot.supervisor.cli.prepare import refuse_missing
from cryptobot.supervisor.cli.progress import Progress, why_not_ready

MESSAGE = {
    "topic": "order.paper.filled",
    "source": "trade",
    "epoch": 1,
    "seq": 7,
    "ts_ns": 1_500_000_000_123_000_000,
    "correlation_id": "c" * 32,
    "schema_id": 0x0301,
    "payload": {"id": "7", "client_order_id": "cb-7", "amount": "0.5", "reason": ""},
}


def service(name: str, state: str, *, ready: bool = False, reason: str = "") -> dict[str, object]:
    return {
        "kind": "state",
        "name": name,
        "state": state,
        "ready": ready,
        "pid": 1,
        "reason": reason,
        "title": name,
    }


def test_a_start_is_settled_when_all_that_should_run_are_ready() -> None:
    """What is stopped is not waited for."""
    progress = Progress()
    progress.take({"kind": "snapshot", "services": [service("bus", "STARTING"), service("data", "STOPPED")]})
    before = progress.settled
    progress.take(service("bus", "RUNNING", ready=True))

    assert (before, progress.settled) == (False, True)
    assert list(progress.ready_after) == ["bus"]


def test_nothing_known_is_not_settled() -> None:
    """An empty start has not begun."""
    assert not Progress().settled


def test_a_service_that_cannot_start_is_a_failure() -> None:
    """FATAL waits for a person."""
    progress = Progress()
    progress.take(service("bus", "FATAL", reason="no executable"))

    assert [one["name"] for one in progress.failed] == ["bus"]


def test_the_cause_is_told_and_not_those_who_wait_for_it(tmp_path: Path) -> None:
    """With the last line of its log when that says more."""
    home = Home(tmp_path)
    home.create()
    (home.logs / "paper.log").write_text('{"event": "cannot start", "reason": "no file"}\n')
    progress = Progress()
    progress.take(service("paper", "BACKOFF", reason="ended with exit code 1"))
    progress.take(service("data", "STARTING", reason="waits for paper"))

    told = why_not_ready(home, progress)

    assert told == "paper BACKOFF: ended with exit code 1 (its log ends with: cannot start no file)"


def test_a_json_line_has_the_fields_that_programs_rely_on() -> None:
    """Neither more nor less."""
    assert as_json_line(MESSAGE).startswith('{"topic":"order.paper.filled","source":"trade","seq":7,"ts_ns":')
    assert "schema_id" not in as_json_line(MESSAGE)


def test_a_line_for_people_leaves_empty_fields_out() -> None:
    """Time, topic, sender and number, then what there is to say."""
    line = for_people(MESSAGE, coloured=False)

    assert line == "02:40:00.123 order.paper.filled  trade#7  id=7 client_order_id=cb-7 amount=0.5"


@pytest.mark.parametrize(
    ("wanted", "concerned"), [("7", True), ("cb-7", True), ("c" * 32, True), ("8", False)]
)
def test_an_order_is_followed_by_any_of_its_names(wanted: str, concerned: bool) -> None:
    """Its ids, or the cause."""
    assert mentions(MESSAGE, wanted) is concerned


def test_rates_come_from_two_readings() -> None:
    """The first reading counts from the broker's start."""
    rates = Rates()
    rates.take(stats(messages=100, uptime_s=10.0), 50.0)
    first = rates.topics[0]["messages_per_s"]
    rates.take(stats(messages=130, uptime_s=12.0), 52.0)

    assert (first, rates.topics[0]["messages_per_s"]) == (10.0, 15.0)


def stats(messages: int, uptime_s: float) -> BusStats:
    topic = TopicStats(topic="a", messages=messages, bytes=0, last_ns=0)
    return BusStats(
        uptime_s=uptime_s,
        messages=messages,
        bytes=0,
        journal_bytes=0,
        journal_lost=0,
        journal_paused=False,
        topics=[topic],
    )


def test_a_span_may_be_open() -> None:
    """At its beginning, or at its end."""
    begin, _ = read_span("..1970-01-02T00:00")
    since, now = read_span("1970-01-02T00:00..")

    assert (begin, since) == (0, 86_400 * 10**9)
    assert now > since


@pytest.mark.parametrize("text", ["5m..10m", "yesterday..", "10m..soon"])
def test_a_wrong_span_is_refused(text: str) -> None:
    """It ends before it begins, or is no time."""
    with pytest.raises(UsageError):
        read_span(text)


def test_the_graph_lists_services_in_an_order_in_which_they_can_start() -> None:
    """Each below what it needs; a circle is told."""
    found = [Manifest(name="b", target="x:y", requires=("a",)), Manifest(name="a", target="x:y")]
    circle = [
        Manifest(name="c", target="x:y", requires=("d",)),
        Manifest(name="d", target="x:y", requires=("c",)),
    ]

    assert [line.split()[0] for line in as_text(found).splitlines()] == ["a", "b"]
    assert as_text(circle) == "never: c, d (they wait for each other)"


@pytest.mark.parametrize(
    ("words", "unset", "changes"),
    [
        (("a.b", "1"), False, {"a.b": "1"}),
        (("a.b=1", "c.d=x=y"), False, {"a.b": "1", "c.d": "x=y"}),
        (("a.b", "c.d"), True, {"a.b": None, "c.d": None}),
    ],
)
def test_changes_of_settings_are_read(
    words: tuple[str, ...], unset: bool, changes: dict[str, str | None]
) -> None:
    """A pair, several KEY=VALUE, or keys to take out."""
    assert read_changes(words, unset) == changes


@pytest.mark.parametrize(
    ("words", "unset"), [(("a.b",), False), (("a.b=1", "c.d"), False), (("a.b=1",), True)]
)
def test_changes_without_a_value_are_refused(words: tuple[str, ...], unset: bool) -> None:
    """And values where keys are to be taken out."""
    with pytest.raises(UsageError):
        read_changes(words, unset)


def test_an_enabled_service_that_requires_a_disabled_one_is_refused() -> None:
    """Both are named."""
    found = [
        Manifest(name="a", target="x:y", enabled=False),
        Manifest(name="b", target="x:y", requires=("a",)),
    ]

    with pytest.raises(SettingsError, match=r"services\.a\.enabled is false, but b requires a"):
        refuse_missing(found)


def summary(*, fills: int, equal: bool) -> Summary:
    return Summary(
        ok=bool(fills) and equal,
        problem="" if fills and equal else "nothing was filled" if equal else "the ledger differs",
        seconds=90.0,
        orders=fills + 1,
        denied=1,
        fills=fills,
        open_orders=0,
        unknown_orders=0,
        pnl=Decimal("-1.5"),
        equity=Decimal("9998.5"),
        start_equity=Decimal(10_000),
        fees=Decimal("0.1"),
        currency="USDT",
        restarts=1,
        ledger_equal=equal,
        differences=[],
        dashboard="",
        home="/h",
    )


def test_a_good_demo_is_summed_up_in_two_sentences() -> None:
    """Orders, fills, profit, fees, restarts; and that the books agree."""
    told = sentences(summary(fills=2, equal=True), judged=True)

    assert told == (
        "The demo ran 1m 30s: 3 orders (1 denied), 2 fills, profit -1.50 USDT (equity 9,998.50 USDT), "
        "fees 0.10, 1 restart.\nThe bot's ledger equals the exchange's to the last digit."
    )


def test_a_good_demo_is_good() -> None:
    """No error is raised."""
    check(summary(fills=1, equal=True))


@pytest.mark.parametrize(("fills", "equal"), [(0, True), (3, False)])
def test_a_demo_without_fills_or_with_wrong_books_is_none(fills: int, equal: bool) -> None:
    """Exit code 1."""
    with pytest.raises(CryptoBotError, match="did not end well"):
        check(summary(fills=fills, equal=equal))


def test_bus_top_names_who_lost_what() -> None:
    """A row for each client with losses, drops or refusals, in the order of the columns."""
    stats = BusStats(
        uptime_s=1.0,
        messages=0,
        bytes=0,
        journal_bytes=0,
        journal_lost=0,
        journal_paused=False,
        topics=[],
        clients={"dashboard": {"lost": 3, "healed": 2}},
        refused={"data": 5},
    )
    assert client_rows(stats) == [
        ["dashboard", "3", "0", "0", "0", "0", "2", "0"],
        ["data", "0", "0", "0", "0", "0", "0", "5"],
    ]
