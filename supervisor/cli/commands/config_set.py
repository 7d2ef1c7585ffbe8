"""cryptobot config set"""

import click
import msgspec

from ....configs import edit
from ....configs.errors import SettingsError, UsageError
from ....configs.impact import impact
from ....configs.load import load
from ....configs.paths import Home
from ....configs.schema import Settings
from ...catalogue import registry
from .. import daemon
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("words", metavar="KEY VALUE | KEY=VALUE...", nargs=-1, required=True)
@click.option("--unset", is_flag=True, help="Take the keys out of config.yaml, so that their defaults hold.")
@json_option
@pass_call
def command(call: Call, words: tuple[str, ...], unset: bool, as_json: bool) -> None:
    """Change settings in config.yaml: KEY VALUE, or several KEY=VALUE at once. Comments and order are kept.

    They are checked first; a wrong value changes nothing. Every change is kept (`config history`).
    """
    before = _settings(call.home)
    made = edit.set_values(call.home, read_changes(words, unset), actor=person())
    effect = effect_of(before, load(call.home).settings)
    if as_json:
        print_json(
            {"changed": made is not None, "revision": made.number if made else None}
            | msgspec.to_builtins(effect)
        )
        return
    if made is None:
        note("It was so already.")
        return
    note(f"{made.summary} (revision {made.number}).")
    if daemon.is_running(call.home):
        note(f"`cryptobot reload` puts it in force: {in_words(effect)}.")


class Effect(msgspec.Struct, frozen=True):
    """What a reload does with a change: keys that count at once, services that restart, keys that wait."""

    live: list[str]
    restarts: list[str]
    person: list[str]


def effect_of(before: Settings, after: Settings) -> Effect:
    """Compare two settings; what they ask of each service is what the supervisor's table says."""
    found, readers = impact(before, after), registry.readers(after)
    restarts = {name for section in found.restart for name in readers.get(section, ())}
    restarts &= {manifest.name for manifest in registry.built_in(after) if manifest.enabled}
    restarts |= {
        key.split(".")[1] for keys in found.restart.values() for key in keys if key[:9] == "services."
    }
    return Effect(found.live, sorted(restarts), found.person)


def in_words(effect: Effect) -> str:
    """One line for people."""
    words = [f"{', '.join(effect.live)} at once"] if effect.live else []
    words += [f"restarts {', '.join(effect.restarts)}"] if effect.restarts else []
    words += [f"{key} counts after `cryptobot down` and `up`" for key in effect.person]
    return "; ".join(words) or "nothing changes"


def _settings(home: Home) -> Settings:
    """What was in force before; the defaults where that cannot be told."""
    try:
        return load(home).settings
    except SettingsError:
        return Settings()


def read_changes(words: tuple[str, ...], unset: bool) -> dict[str, str | None]:
    """Keys and their new texts; None takes a key out.

    Raises:
        UsageError: a value is missing, or is there where none is wanted.
    """
    if unset:
        if any("=" in word for word in words):
            raise UsageError("--unset takes keys out; leave the values away.")
        return dict.fromkeys(words)
    if len(words) == 2 and "=" not in words[0]:
        return {words[0]: words[1]}
    changes: dict[str, str | None] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"Which value? `cryptobot config set {key} VALUE`; --unset takes the key out.")
        changes[key] = text
    return changes
