"""Commands whose work and options belong to another room. They are called by name, never imported."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from ...configs import addons
from ...configs.errors import UsageError
from ...configs.paths import Home
from . import daemon
from .call import Call, pass_call
from .group import Command
from .output import note

CONTEXT = {"ignore_unknown_options": True, "help_option_names": []}


def delegated(summary: str, work: Callable[[Home, list[str]], int]) -> click.Command:
    """A command that hands its words on, `--help` included.

    Args:
        work: given the home and the words; returns the exit code.
    """

    @pass_call
    def callback(call: Call, words: tuple[str, ...]) -> int:
        return work(call.home, list(words))

    argument = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    return Command(None, params=[argument], callback=callback, help=summary, context_settings=CONTEXT)


def load(target: str) -> Any:
    """The function of `package.module:function`.

    Raises:
        UsageError: this variant of the program does not hold it.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise UsageError(f"This installation does not hold {error.name}.") from error


def take_addons(home: Home) -> None:
    """The add-ons of a home count in this command; one that was changed since its installation is told."""
    addons.use(home)
    for sentence in addons.refusals():
        note(sentence)


def database(action: str) -> Callable[[Home, list[str]], int]:
    """The work of `db ACTION`."""

    def work(home: Home, words: list[str]) -> int:
        as_json = ["--json"] if "--json" in words else []
        rest = [word for word in words if word != "--json"]
        main = load("cryptobot.services.database.command:main")
        # A changed database counts from the next start on: until then the services use the old one.
        in_force = ["--in-force"] if daemon.is_running(home) else []
        try:
            return int(main([str(home.root), *as_json, *in_force, action, *rest]))
        except SystemExit as end:  # argparse has told what is wrong, or printed its help
            sys.stdout.flush()
            return end.code if isinstance(end.code, int) else 2

    return work


def backtest(action: str) -> Callable[[Home, list[str]], int]:
    """The work of `backtest ACTION`."""

    def work(home: Home, words: list[str]) -> int:
        take_addons(home)
        return int(load("cryptobot.services.backtest.cli:main")(home, [action, *words]))

    return work


def history(action: str) -> Callable[[Home, list[str]], int]:
    """The work of `data ACTION`."""

    def work(home: Home, words: list[str]) -> int:
        take_addons(home)
        return int(load("cryptobot.services.data.cli:main")(home, [action, *words]))

    return work
