"""How cells, tables, durations and sizes are written."""

from decimal import Decimal

import click
import pytest
from cryptobot.supervisor.cli import durations
from cryptobot.supervisor.cli.output import (
    Column,
    cell_text,
    duration,
    plain_decimal,
    plain_table,
    print_json,
    size,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.2300", "1.23"), ("1E+3", "1000"), ("0.00000001", "0.00000001"), ("100", "100"), ("0.000", "0")],
)
def test_decimals_are_plain(value: str, text: str) -> None:
    """Without exponent and without trailing zeros."""
    assert plain_decimal(Decimal(value)) == text


def test_nothing_is_a_dash() -> None:
    """An empty cell is seen to be empty."""
    assert cell_text(None) == "-"


def test_a_plain_table_is_aligned() -> None:
    """Numbers to the right, words to the left, no trailing blanks."""
    table = plain_table([Column("name"), Column("n", right=True)], [["a", "1"], ["long", "200"]])

    assert table == "NAME    N\na       1\nlong  200\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59.9, "59s"), (185, "3m 05s"), (7620, "2h 07m"), (356_400, "4d 03h")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(512, "512 B"), (14_200_000, "14.2 MB"), (3e12, "3000.0 GB")])
def test_sizes_are_decimal(count: float, text: str) -> None:
    """As disks are sold."""
    assert size(count) == text


def test_json_holds_money_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Never a float."""
    print_json({"amount": Decimal("0.10")})

    assert capsys.readouterr().out == '{"amount":"0.10"}\n'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("90", 90), ("1.5m", 90), ("2h30m", 9000), ("1d", 86_400), ("250ms", 0.25)],
)
def test_lengths_are_read(text: str, seconds: float) -> None:
    """With units, or bare seconds."""
    assert durations.length(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "abc", "-5s", "0s", "5 parsecs", "s"])
def test_what_is_no_length_is_refused(text: str) -> None:
    """With an example of how to write one."""
    with pytest.raises(click.BadParameter, match="write it like 90s"):
        durations.length(text)


def test_a_moment_is_iso_in_utc() -> None:
    """A time without a zone is UTC."""
    assert durations.moment("1970-01-02T00:00") == 86_400


def test_what_is_no_moment_is_refused() -> None:
    """With an example of how to write one."""
    with pytest.raises(click.BadParameter, match="is not a time"):
        durations.moment("yesterday")
