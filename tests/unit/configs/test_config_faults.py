"""Wrong settings: every fault at once, each with its place, and never a traceback."""

import os
import re

import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.load import load, load_text
from cryptobot.configs.problems import WrongSettingsError
from cryptobot.configs.schema import Settings
from hypothesis import given, settings
from hypothesis import strategies as st


def faults(text, *overrides, **environ):
    """The problems of a text, which must be wrong."""
    with pytest.raises(WrongSettingsError) as caught:
        load_text(text, "config.yaml", overrides, environ)
    return caught.value.problems


def test_damaged_settings_in_force_are_told(home):
    """One sentence that says what to do; a half-written file never becomes other settings."""
    snapshot.write(home, Settings())
    path = home.run / "settings.json"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(SettingsError, match=r"settings\.json, are damaged; `cryptobot reload`"):
        snapshot.read(home)


def test_all_faults_are_told_at_once():
    """File, environment and command line are checked together."""
    text = "trade:\n  max_open_ordrs: 3\n  max_order_value: -1\nlog: {level: debg}\n"
    found = faults(text, "paper.port=99999", CRYPTOBOT__DASHBOARD__PORT="yes")
    assert [problem.key for problem in found] == [
        "paper.port",
        "trade.max_open_ordrs",
        "trade.max_order_value",
        "log.level",
        "dashboard.port",
    ]


def test_a_fault_names_place_key_finding_allowed_and_nearest():
    """One sentence holds everything that is needed to mend it."""
    (wrong_key,) = faults("trade:\n  max_open_ordrs: 3\n")
    assert str(wrong_key) == (
        "config.yaml:2:3: trade.max_open_ordrs is no setting; did you mean trade.max_open_orders?"
    )
    assert wrong_key.nearest == "trade.max_open_orders"
    (wrong_value,) = faults("trade:\n  max_open_orders: many\n")
    assert str(wrong_value) == (
        'config.yaml:2:20: trade.max_open_orders is "many"; allowed is a whole number from 1 to 1000'
    )


def test_a_key_in_the_wrong_section_is_found_elsewhere():
    """A known name at the wrong place is pointed to its right one."""
    (fault,) = faults("max_open_orders: 3\n")
    assert fault.nearest == "trade.max_open_orders"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("trade:\n\tmax_open_orders: 1\n", "config.yaml:2:1: this is no YAML"),
        ("trade: [1\n", "this is no YAML"),
        ("- a\n", "settings are sections with keys, found a list"),
        ("just words\n", "settings are sections with keys"),
        ("trade: 5\n", 'trade is "5"; allowed is a section with keys'),
        ("trade:\n  max_open_orders: [1]\n", "is a list; allowed is a whole number"),
        ("trade:\n  max_open_orders: {a: 1}\n", "is a section; allowed is a whole number"),
        ("trade:\n  max_open_orders:\n", "is nothing; allowed is a whole number"),
        ("data:\n  symbols: 5m\n", 'data.symbols is "5m"; allowed is a list'),
        ("trade: {}\ntrade: {}\n", "config.yaml:2:1: trade stands here and in line 1"),
        ("? [a, b]\n: 1\n", "a key must be a word"),
        ("strategy:\n  instances:\n    a: {symbol: BTC/USDT}\n", "strategy.instances.a.strategy is missing"),
        ("profile: pper\n", "did you mean paper?"),
        ("data: {timeframe: 1 hour}\n", "allowed is a number with s, m, h, d or w, such as 5m"),
        ("supervisor: {backoff_initial_s: 2m}\n", "is longer than supervisor.backoff_max_s"),
        ("strategy:\n  instances:\n    a: {strategy: x, symbol: X/Y}\n", "which data.symbols does not list"),
        ("trade: {max_order_value: 1e999999}\n", "allowed is a number greater than 0"),
        ("trade: {max_order_value: .nan}\n", "allowed is a number greater than 0"),
        ("trade: {max_order_value: .inf}\n", "allowed is a number greater than 0"),
        ("log:\n  level: 'in\\0fo'\n", "log.level"),
    ],
)
def test_faults_of_the_file_have_a_sentence(text, sentence):
    """Each kind of fault is explained."""
    assert sentence in "\n".join(map(str, faults(text)))


@pytest.mark.parametrize("override", ["nonsense", "=5", "trade.nothing=1", "trade=5", ".=1", "a.b.c.d=1"])
def test_faults_of_options_name_the_option(override):
    """A wrong --set is told as such."""
    assert all(problem.origin.layer == "command line" for problem in faults("", override))


def test_recursive_yaml_ends():
    """An alias to itself is refused instead of followed for ever."""
    assert faults("trade: &a {max_open_orders: *a}\n")


def test_billion_laughs_is_refused():
    """A small file cannot unfold into a giant tree."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert faults("\n".join(lines))


def test_unreadable_files_are_told(home):
    """Text that is no UTF-8, and a folder in the file's place, have their own sentences."""
    home.config_file.write_bytes(b"trade: \xff\xfe\n")
    with pytest.raises(SettingsError, match="no UTF-8 text"):
        load(home, (), {})
    home.config_file.unlink()
    home.config_file.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load(home, (), {})


def test_giant_files_are_refused(home):
    """Nobody's settings have four megabytes."""
    with home.config_file.open("wb") as file:
        os.truncate(file.fileno(), 5_000_000)
    with pytest.raises(SettingsError, match="is it the right one"):
        load(home, (), {})


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_a_traceback(text):
    """Whatever stands in the file, the answer is settings or sentences."""
    try:
        load_text(text, "config.yaml", (), {})
    except SettingsError as error:
        assert re.match(r"(A setting is|\d+ settings are) wrong", str(error))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["trade.max_open_orders", "log.level", "data.symbols", "paper.balances", "services", "bus"]
    ),
    st.text(max_size=60),
)
def test_no_option_makes_a_traceback(key, text):
    """Whatever is given with --set, the answer is settings or sentences."""
    try:
        load_text("", "config.yaml", (f"{key}={text}",), {})
    except SettingsError as error:
        assert str(error)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs root to make another's link")
def test_a_strangers_link_is_no_private_folder(home, tmp_path):
    """The folder behind it is ours today; its owner can turn the link elsewhere tomorrow."""
    aim = tmp_path / "aim"
    aim.mkdir()
    home.sockets.rmdir()
    home.sockets.symlink_to(aim)
    home.create()
    os.lchown(home.sockets, 65534, 65534)
    with pytest.raises(SettingsError, match="belongs to another user"):
        home.create()
