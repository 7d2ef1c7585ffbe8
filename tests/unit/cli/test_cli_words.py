"""Reading the command line, before click sees it."""

import pytest
from cryptobot.supervisor.cli.main import run, take_home


@pytest.mark.parametrize(
    "words",
    [
        ["--home", "/h", "status", "--json"],
        ["status", "--home", "/h", "--json"],
        ["status", "--json", "--home", "/h"],
        ["--home=/h", "status", "--json"],
        ["status", "--json", "--home=/h"],
    ],
)
def test_home_may_stand_anywhere(words: list[str]) -> None:
    """Before or after the command, in both spellings."""
    assert take_home(words) == ("/h", ["status", "--json"])


def test_no_home_is_none() -> None:
    """Then the environment decides."""
    assert take_home(["status"]) == (None, ["status"])


def test_after_a_lone_double_dash_nothing_is_an_option() -> None:
    """What follows belongs to the command."""
    assert take_home(["bus", "send", "--", "--home", "x"]) == (None, ["bus", "send", "--", "--home", "x"])


def test_a_home_without_a_folder_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence says what is missing."""
    assert run(["status", "--home"]) == 2
    assert "--home needs a folder" in capsys.readouterr().err


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The program's name and a number."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.split()[0] == "cryptobot"


@pytest.mark.parametrize(
    ("typed", "meant"), [("staus", "status"), ("orderz", "orders"), ("dema", "demo"), ("buss", "bus")]
)
def test_an_unknown_command_names_the_nearest(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one sentence."""
    assert run([typed]) == 2
    assert f"Did you mean `{meant}`?" in capsys.readouterr().err


def test_an_unknown_command_of_a_group_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """Groups answer as the top does."""
    assert run(["bus", "tial"]) == 2
    assert "Did you mean `tail`?" in capsys.readouterr().err


def test_a_missing_argument_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and how to go on."""
    assert run(["restart"]) == 2
    assert "`cryptobot restart --help` shows how." in capsys.readouterr().err


def test_the_help_shows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """None of the table is forgotten, hidden ones aside."""
    from cryptobot.supervisor.cli.table import COMMANDS

    assert run(["--help"]) == 0
    shown = capsys.readouterr().out

    assert [
        entry.name for entry in COMMANDS if not entry.hidden and f"  {entry.name.split()[0]} " not in shown
    ] == []
