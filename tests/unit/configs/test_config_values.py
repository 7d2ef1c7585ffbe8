"""Values keep their declared type, to the last digit."""

from decimal import Decimal

import pytest
from cryptobot.configs.load import load_text
from cryptobot.configs.shape import Shape
from cryptobot.configs.values import allowed, convert, duration_s, in_units, size_bytes
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", "90"), ("5m", "300"), ("1h30m", "5400"), ("250ms", "0.25"), ("2d", "172800"), ("1.5h", "5400")],
)
def test_durations_have_units(text, seconds):
    """5m is 300 seconds."""
    assert duration_s(text) == Decimal(seconds)


@pytest.mark.parametrize("text", ["", "5x", "m", "5 minutes", "-5m", "5m!", "1h 30", "h1"])
def test_other_durations_are_refused(text):
    """What is no duration is not guessed."""
    with pytest.raises(ValueError):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("64MiB", 67_108_864), ("10 MB", 10_000_000), ("1GiB", 1_073_741_824), ("4096", 4096), ("1.5KiB", 1536)],
)
def test_sizes_have_units(text, count):
    """64MiB are 67108864 bytes; MB and MiB are not the same."""
    assert size_bytes(text) == count


@pytest.mark.parametrize("text", ["64 elephants", "MiB", "-1MB", "0.3B", "1e3MB"])
def test_other_sizes_are_refused(text):
    """A part of a byte or an unknown unit is no size."""
    with pytest.raises(ValueError):
        size_bytes(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (300, "s", "5m"),
        (90, "s", "90s"),
        (0.25, "s", "250ms"),
        (86400.0, "s", "1d"),
        (67108864, "bytes", "64MiB"),
    ],
)
def test_values_are_shown_as_people_write_them(value, unit, text):
    """What is shown can be typed in again."""
    assert in_units(value, unit) == text


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value="0.00000000000000000001", max_value=10**30)
)
def test_decimals_never_pass_through_a_float(number):
    """Any positive decimal in a file is the same decimal in the settings."""
    loaded = load_text(f"trade:\n  max_order_value: {number}\n", "test", (), {})
    assert loaded.settings.trade.max_order_value == number


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_truth_is_spelled_out(text):
    """true and false are truth values, in any case of letters."""
    assert convert(text, Shape(kind="bool")) is True


@pytest.mark.parametrize("text", ["yes", "on", "1", "0", "no", "y", ""])
def test_other_words_are_no_truth(text):
    """yes, on and 1 are not guessed to be true."""
    with pytest.raises(ValueError):
        convert(text, Shape(kind="bool"))


@pytest.mark.parametrize("text", ["0x10", "0o7", "1_0", "010"])
def test_numbers_are_decimal(text):
    """Octal and hexadecimal readings do not exist; 010 is ten."""
    if text.startswith(("0x", "0o")):
        with pytest.raises(ValueError):
            convert(text, Shape(kind="int"))
    else:
        assert convert(text, Shape(kind="int")) == 10


def test_whole_numbers_may_be_written_as_1e3_but_not_with_a_rest():
    """1e3 is 1000; 1.5 is no whole number."""
    assert convert("1e3", Shape(kind="int")) == 1000
    with pytest.raises(ValueError):
        convert("1.5", Shape(kind="int"))


def test_text_that_looks_like_something_else_stays_text(loaded):
    """The declared type decides: a strategy named 1e3 or `no` keeps its name."""
    for name in ("1e3", "no", "0123", "true"):
        text = f"strategy:\n  instances:\n    a: {{strategy: {name}}}\n"
        assert loaded(text).settings.strategy.instances["a"].strategy == name


def test_parameters_keep_the_type_they_are_written_with(loaded):
    """Where several types are allowed, quotes make a text."""
    written = "{fast: 5, slow: '7', f: 1.5, on: true}"
    text = f"strategy:\n  instances:\n    a:\n      strategy: x\n      parameters: {written}\n"
    parameters = loaded(text).settings.strategy.instances["a"].parameters
    assert parameters == {"fast": 5, "slow": "7", "f": 1.5, "on": True}
    assert [type(value) for value in parameters.values()] == [int, str, float, bool]


def test_null_is_nothing_only_where_it_is_allowed(loaded):
    """An optional key may be emptied."""
    text = "services:\n  paper: {memory_limit_bytes: null, restart: ~}\n"
    assert loaded(text).settings.services["paper"].memory_limit_bytes is None


def test_percent_signs_are_read(loaded):
    """2% is 2 where the unit is percent."""
    assert loaded("trade: {price_collar_percent: 2.5%}\n").settings.trade.price_collar_percent == Decimal(
        "2.5"
    )


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Shape(kind="int", bounds={"ge": Decimal(1), "le": Decimal(9)}), "a whole number from 1 to 9"),
        (
            Shape(kind="float", unit="s", bounds={"gt": Decimal(0)}),
            "a duration (90, 90s, 5m, 1h30m) greater than 0 s",
        ),
        (Shape(kind="bool", optional=True), "true or false, or null"),
        (Shape(kind="choice", choices=("a", "b")), "one of a, b"),
    ],
)
def test_what_is_allowed_is_said_in_words(shape, words):
    """The error can tell what to write."""
    assert allowed(shape) == words
