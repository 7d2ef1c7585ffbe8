"""Changing settings: comments stay, nothing is lost, every change is a revision."""

import multiprocessing
import os
import signal
import sys
from decimal import Decimal

import pytest
from cryptobot.configs import edit, exchange, explain, history
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.impact import impact
from cryptobot.configs.load import load
from cryptobot.configs.paths import Home

TEXT = """\
# my bot
trade:   # limits
    max_order_value: 12345678901234567890.123456789   # exact
    max_open_orders: 3   # not more
data:
    symbols:
      - BTC/USDT   # the big one
      - ETH/USDT
log: {level: debug, keep: "7"}
# the end
"""


@pytest.fixture
def written(home):
    """A home with a settings file full of comments."""
    home.config_file.write_text(TEXT)
    return home


def set_one(home, key, value, **more):
    """Set one key as a person at the terminal."""
    return edit.set_values(home, {key: value}, actor="ann", **more)


def test_setting_a_value_changes_nothing_else(written):
    """One scalar is replaced; every other character of the file stays."""
    set_one(written, "trade.max_open_orders", "5")
    assert written.config_file.read_text() == TEXT.replace("max_open_orders: 3", "max_open_orders: 5")


def test_new_keys_keep_comments_order_and_digits(written):
    """A key is added in the person's own indentation; long decimals beside it keep every digit."""
    set_one(written, "trade.price_collar_percent", "0.123456789012345678901234567890")
    text = written.config_file.read_text()
    for line in TEXT.splitlines():
        assert line in text
    assert "\n    price_collar_percent: 0.123456789012345678901234567890\n" in text
    loaded = load(written, (), {})
    assert loaded.settings.trade.price_collar_percent == Decimal("0.123456789012345678901234567890")
    assert loaded.settings.trade.max_order_value == Decimal("12345678901234567890.123456789")


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("bus.journal_max_bytes", "64MiB", 67_108_864),
        ("dashboard.session_idle_s", "5m", 300.0),
        ("dashboard.host", "::1", "::1"),
        ("data.symbols", "BTC/USDT, SOL/USDT", ["BTC/USDT", "SOL/USDT"]),
        ("data.symbols", "[BTC/USDT]", ["BTC/USDT"]),
        ("log.level", "error", "error"),
        ("paper.balances.USDT", "0.10", Decimal("0.10")),
        ("services.paper.enabled", "false", False),
        ("services.paper.environment.MODE", 'a "quoted": # text\\', 'a "quoted": # text\\'),
        ("services.paper.environment.MODE", "two\nlines", "two\nlines"),
    ],
)
def test_values_of_all_kinds_are_written_and_read_back(written, key, value, found):
    """What is set is what is in force."""
    set_one(written, key, value)
    assert load(written, (), {}).value(key) == found


def test_a_file_is_made_when_there_is_none(home):
    """The first `set` makes the file."""
    set_one(home, "log.level", "debug")
    assert home.config_file.read_text() == "log:\n  level: debug\n"


def test_unset_takes_a_key_out(written):
    """A removed key has its default again."""
    set_one(written, "trade.max_open_orders", None)
    assert load(written, (), {}).settings.trade.max_open_orders == 20
    text = written.config_file.read_text()
    assert "max_open_orders" not in text
    assert "12345678901234567890.123456789   # exact" in text


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("trade.max_open_ordrs", "3", "Did you mean trade.max_open_orders"),
        ("trade.max_open_orders", "many", "allowed is a whole number"),
        ("trade.max_open_orders", "5 # five", "allowed is a whole number"),
        ("supervisor.backoff_initial_s", "10m", "is longer than"),
        ("trade", "5", "a section with keys"),
    ],
)
def test_wrong_changes_are_refused_and_change_nothing(written, key, value, sentence):
    """The file is checked as a whole before it is written."""
    with pytest.raises(SettingsError, match=sentence):
        set_one(written, key, value)
    assert written.config_file.read_text() == TEXT


def test_every_change_is_a_revision(written):
    """The history tells who changed what, from where; the found file comes first."""
    set_one(written, "log.level", "error", source="dashboard")
    revisions = history.history(written)
    assert [(revision.number, revision.actor, revision.source) for revision in revisions] == [
        (1, history.OUTSIDE, "editor"),
        (2, "ann", "dashboard"),
    ]
    assert revisions[1].summary == "log.level = error"
    assert revisions[0].text == TEXT


def test_an_edit_with_an_editor_becomes_a_revision(written):
    """A change that nobody told of is noticed the next time anyone looks."""
    set_one(written, "log.level", "error")
    written.config_file.write_text("log: {level: info}\n")
    assert history.history(written)[-1].actor == history.OUTSIDE


def test_rollback_is_itself_a_revision(written):
    """Going back writes the old text and adds to the history; nothing is erased."""
    set_one(written, "trade.max_open_orders", "5")
    made = edit.rollback(written, 1, actor="bob")
    assert made is not None
    assert (made.number, made.source, made.summary) == (3, "rollback", "back to revision 1")
    assert written.config_file.read_text() == TEXT


def test_rollback_to_an_unknown_revision_says_which_there_are(written):
    """The error names the range."""
    with pytest.raises(SettingsError, match="there are 1 to 1"):
        edit.rollback(written, 9, actor="bob")


def test_the_second_of_two_writers_is_told(written):
    """Who looked at an older text may not overwrite the newer one; the error names who was faster."""
    seen = edit.current(written).checksum
    set_one(written, "log.level", "error")
    with pytest.raises(SettingsError, match="changed meanwhile by ann"):
        edit.put_text(written, "log: {level: info}\n", actor="bob", source="dashboard", expected=seen)
    assert load(written, (), {}).settings.log.level == "error"


@pytest.mark.parametrize("damage", ["change", "cut", "remove", "garbage"])
def test_tampering_with_the_history_is_noticed(written, damage):
    """A changed, removed, cut-off or foreign line is refused with its number."""
    for level in ("error", "info", "warning"):
        set_one(written, "log.level", level)
    path = written.state / "config-history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = {
        "change": [lines[0], lines[1].replace(b'"ann"', b'"eve"'), *lines[2:]],
        "cut": lines[:-1],
        "remove": [lines[0], *lines[2:]],
        "garbage": [*lines, b"{}\n"],
    }[damage]
    path.write_bytes(b"".join(damaged))
    with pytest.raises(SettingsError, match="was changed by someone else: revision"):
        history.history(written)


def test_settings_load_without_the_history(written):
    """A broken history never stops the platform: config.yaml is what counts."""
    set_one(written, "log.level", "error")
    (written.state / "config-history.jsonl").write_bytes(b"garbage\n")
    assert load(written, (), {}).settings.log.level == "error"


def test_a_torn_last_line_is_forgotten(written):
    """A crash while a line was written loses that line alone, and the file's text is noted again."""
    set_one(written, "log.level", "error")
    path = written.state / "config-history.jsonl"
    with path.open("ab") as file:
        file.write(b'{"number":3,"ts')
    set_one(written, "log.level", "info")
    assert [revision.number for revision in history.history(written)] == [1, 2, 3]


def _write_many(root, key, count):
    home = Home(root)
    for number in range(1, count + 1):
        edit.set_values(home, {key: str(number)}, actor=key)


@pytest.mark.skipif(sys.platform == "win32", reason="forks the writers")
def test_two_processes_writing_at_once_lose_nothing(written):
    """Forty changes of two processes are forty revisions, and both last values stand."""
    keys = ("trade.max_open_orders", "log.keep")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(written.root, key, 20)) for key in keys]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    settings = load(written, (), {}).settings
    assert (settings.trade.max_open_orders, settings.log.keep) == (20, 20)
    assert len(history.history(written)) == 41


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_kill_during_set_leaves_a_whole_file_and_a_whole_history(written):
    """However often a writer is killed, the file can be loaded and the history verified."""
    context = multiprocessing.get_context("fork")
    for moment in range(12):
        writer = context.Process(target=_write_many, args=(written.root, "log.keep", 500))
        writer.start()
        writer.join(0.02 + moment * 0.015)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(10)
        assert load(written, (), {}).settings.trade.max_open_orders == 3
        assert history.history(written)[-1].text == written.config_file.read_text()
    assert TEXT.splitlines()[2] in written.config_file.read_text()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_is_told(written):
    """A disk that cannot be written gives one sentence."""
    written.root.chmod(0o500)
    try:
        with pytest.raises(SettingsError, match="cannot be written"):
            set_one(written, "log.level", "error")
    finally:
        written.root.chmod(0o700)


def test_full_disk_leaves_the_old_file(written, monkeypatch):
    """When the new text cannot be stored, the old one stays and the error says why."""

    def no_space(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cryptobot.configs.files.os.fsync", no_space)
    with pytest.raises(SettingsError, match="No space left"):
        set_one(written, "log.level", "error")
    assert written.config_file.read_text() == TEXT


def test_export_and_import_give_the_same_settings(written, tmp_path):
    """What is exported, in short or in full, means the same in another home."""
    parameters = "strategy.instances.ema-cross.parameters={fast: 5, s: '7'}"
    loaded = load(written, ("paper.balances.ETH=0.10", parameters), {})
    for everything in (False, True):
        other = Home(tmp_path / f"other-{everything}")
        exchange.import_text(other, exchange.export(loaded, everything=everything), actor="ann")
        assert load(other, (), {}).settings == loaded.settings


def test_import_of_wrong_settings_changes_nothing(written):
    """An import is checked as a whole."""
    with pytest.raises(SettingsError, match=r"trade\.nonsense is no setting"):
        exchange.import_text(written, "trade: {nonsense: 1}\n", actor="ann")
    assert written.config_file.read_text() == TEXT


def test_explain_tells_who_said_what(written):
    """An explanation has the help, what is allowed, and each layer's word."""
    loaded = load(written, ("trade.max_open_orders=9",), {})
    told = explain.explain(loaded, "trade.max_open_orders")
    assert (told.value, told.default, told.environment) == (9, 20, "CRYPTOBOT__TRADE__MAX_OPEN_ORDERS")
    assert [(said.layer, said.text) for said in told.said] == [("file", '"3"'), ("command line", '"9"')]
    assert told.allowed == "a whole number from 1 to 1000"
    with pytest.raises(SettingsError, match=r"Did you mean log\.level"):
        explain.explain(loaded, "log.levl")


def test_every_key_can_be_explained(home):
    """No key of the schema lacks help or a description of what is allowed."""
    loaded = load(home, (), {})
    for key in explain.all_keys():
        told = explain.explain(loaded, key)
        assert told.help.endswith((".", ")")), key
        assert told.allowed, key
        assert told.applies in ("live", "restart", "person"), key


def test_impact_names_what_must_be_restarted(home):
    """A change asks for a restart of the service it belongs to, or of nothing."""
    old = load(home, (), {}).settings
    new = load(
        home,
        (
            "trade.max_open_orders=1",
            "log.level=error",
            "strategy.instances.ema-cross.enabled=false",
            "services.paper.enabled=false",
        ),
        {},
    ).settings
    found = impact(old, new)
    assert found.live == ["log.level"]
    assert found.restart == {
        "paper": ["services.paper"],
        "strategy": ["strategy.instances.ema-cross.enabled"],
        "trade": ["trade.max_open_orders"],
    }
    assert impact(old, old).keys == []


@pytest.mark.parametrize("name", exchange.template_names())
def test_every_template_is_valid_and_says_what_it_is_for(home, name):
    """A template can be imported as it is."""
    text = exchange.template(name)
    assert text.startswith("# ")
    assert exchange.import_text(home, text, actor="ann") is not None


def test_unknown_template_names_the_nearest():
    """A misspelt template is answered with the right name."""
    with pytest.raises(SettingsError, match="did you mean trend-follower"):
        exchange.template("trend-folower")
