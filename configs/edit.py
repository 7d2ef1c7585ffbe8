"""Changing config.yaml: checked before it is written, comments and order kept, each change a revision.

All functions take `expected`, the checksum of the text that the person was looking at (`current`): when
somebody else was faster, the change is refused instead of undoing theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from . import history, yamltext
from . import shape as shapes
from .errors import SettingsError
from .files import replace
from .history import Revision, checksum, locked
from .load import Loaded, load_text, unknown_key, value_at
from .paths import Home
from .problems import Origin
from .schema import Settings
from .tree import Branch, from_text, parse
from .values import allowed


@dataclass(frozen=True, slots=True)
class Current:
    """config.yaml as it stands; `checksum` goes into `expected` of a change."""

    text: str
    checksum: str


def current(home: Home) -> Current:
    """The file's text, "" when there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    text = _text(home)
    return Current(text, checksum(text))


def set_values(
    home: Home, changes: Mapping[str, str | None], *, actor: str, source: str = "cli", expected: str = ""
) -> Revision | None:
    """Set keys to texts, as written in YAML or with --set; None takes a key out. None when nothing changed.

    Raises:
        SettingsError: an unknown key, a wrong value, a broken rule, or another writer was faster.
    """
    for key in changes:
        if shapes.find(Settings, tuple(key.split("."))) is None:
            raise unknown_key(key)
    with locked(home):
        history.record_outside_edit(home)
        text = _expected_text(home, expected)
        for key, value in changes.items():
            path = tuple(key.split("."))
            text = yamltext.without(text, path) if value is None else _with(text, path, value)
        summary = ", ".join(
            f"{key} removed" if value is None else f"{key} = {value}" for key, value in changes.items()
        )
        return _accept(home, text, actor, source, summary)


def put_text(
    home: Home, text: str, *, actor: str, source: str, summary: str = "", expected: str = ""
) -> Revision | None:
    """Replace the whole file (import, the YAML editor); None when nothing changed.

    Raises:
        SettingsError: the text is wrong, or another writer was faster.
    """
    with locked(home):
        history.record_outside_edit(home)
        _expected_text(home, expected)
        return _accept(home, text, actor, source, summary or "whole file replaced")


def rollback(home: Home, number: int, *, actor: str, source: str = "rollback") -> Revision | None:
    """Make the text of an earlier revision the current one; a revision of its own. None when nothing changed.

    Raises:
        SettingsError: no such revision, or its text is not allowed any more.
    """
    text = history.revision(home, number).text
    with locked(home):
        return _accept(home, text, actor, source, f"back to revision {number}")


def check_text(home: Home, text: str) -> Loaded:
    """What these settings would mean.

    Raises:
        SettingsError: something is wrong; all faults at once.
    """
    return load_text(text, str(home.config_file))


def _with(text: str, path: tuple[str, ...], value: str) -> str:
    """The text with one key set; numbers are read back, so that no digit is lost on the way."""
    key = ".".join(path)
    shape = shapes.find(Settings, path)
    kind = shape.kind if shape is not None else "text"
    wanted, _ = from_text(value, Origin("file", "config.yaml"), kind)
    if shape is not None and kind in ("section", "map") and not isinstance(wanted, Branch):
        raise SettingsError(f"{key} is {value!r}; allowed is {allowed(shape)}.")
    changed = yamltext.with_value(text, path, value, kind)
    tree, problems = parse(changed, "file", "config.yaml")
    before, _ = parse(text, "file", "config.yaml")
    kept = yamltext.same_but(before, tree, path)
    if problems or not kept or not yamltext.same(yamltext.at(tree, path), wanted):
        raise SettingsError(f"{key} cannot be set to {value!r} in this file; edit config.yaml by hand.")
    return changed


def _accept(home: Home, text: str, actor: str, source: str, summary: str) -> Revision | None:
    check_text(home, text)
    if text == _text(home):
        return None
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        replace(home.config_file, text.encode())
    except OSError as error:
        raise SettingsError(
            f"The settings file {home.config_file} cannot be written ({error.strerror})."
        ) from error
    return history.append(home, text=text, actor=actor, source=source, summary=summary[:500])


def _expected_text(home: Home, expected: str) -> str:
    text = _text(home)
    if expected and checksum(text) != expected:
        past = history.history(home)
        by = f" by {past[-1].actor} ({past[-1].summary})" if past else ""
        raise SettingsError(
            f"The settings were changed meanwhile{by}; "
            f"look at them again (`cryptobot config history`) and repeat your change."
        )
    return text


def _text(home: Home) -> str:
    try:
        return home.config_file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise SettingsError(
            f"The settings file {home.config_file} is no UTF-8 text; save it as UTF-8."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"The settings file {home.config_file} cannot be read ({error.strerror})."
        ) from error


__all__ = ["Current", "check_text", "current", "put_text", "rollback", "set_values", "value_at"]
