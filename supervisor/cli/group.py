"""Commands that are loaded when they are called, and not before."""

import difflib
from importlib import import_module

import click

from ...configs.errors import UsageError
from .table import COMMANDS, GROUPS, Entry

HOME_HELP = "Folder of all state, settings and logs. Else CRYPTOBOT_HOME, else the platform's data folder."


def nearest(name: str, known: list[str]) -> str:
    """` Did you mean X?`, or nothing when no known name is near."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean `{close[0]}`?" if close else ""


def home_option() -> click.Option:
    """`--home` for the help of every command; main.take_home has read it before click sees the words."""
    return click.Option(["--home"], metavar="DIR", expose_value=False, help=HOME_HELP)


HELP_OPTIONS = ["-h", "--help"]


class Command(click.Command):
    """A command whose help shows `--home`."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.context_settings.setdefault("help_option_names", HELP_OPTIONS)
        self.params.append(home_option())


class LazyGroup(click.Group):
    """The commands of the table whose name begins with `prefix`."""

    def __init__(self, prefix: str = "", **kwargs: object) -> None:
        super().__init__(name=prefix.strip() or "cryptobot", **kwargs)  # type: ignore[arg-type]
        self.prefix = prefix
        self.params.append(home_option())

    def entries(self) -> dict[str, Entry]:
        """What stands below this group: commands by their last word, and groups by theirs."""
        found: dict[str, Entry] = {}
        for entry in COMMANDS:
            if not entry.name.startswith(self.prefix):
                continue
            word, _, below = entry.name[len(self.prefix) :].partition(" ")
            if below:
                entry = Entry(word, entry.section, GROUPS[word], entry.hidden)
            if word not in found or found[word].hidden:
                found[word] = entry
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries().get(cmd_name)
        if entry is None:
            return None
        full = self.prefix + cmd_name
        if full in GROUPS:
            return LazyGroup(prefix=full + " ", help=GROUPS[full])
        module = import_module(f".commands.{entry.module}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and word not in self.entries():
            hint = nearest(word, list(self.entries()))
            raise UsageError(
                f"There is no command `{self.prefix}{word}`.{hint} `cryptobot {self.prefix}--help` lists all."
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for word, entry in self.entries().items():
            if not entry.hidden:
                sections.setdefault(entry.section, []).append((word, entry.summary))
        for title, rows in sections.items():
            with formatter.section("Commands" if self.prefix else title):
                formatter.write_dl(rows)
