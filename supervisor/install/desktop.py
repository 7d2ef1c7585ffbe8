"""What desktops read: menu entries, the kind of file that a bundle is, the icon. Packages ship the same."""

import re
from importlib.resources import files

from .wheel import BUNDLE

APP_ID = "org.cryptobot.CryptoBot"
OPENER_ID = "org.cryptobot.Addon"
MIME = "application/vnd.cryptobot.strategy+zip"
NAME, COMMENT = "CryptoBot", "Trading bots as supervised processes"

_ENTRY = """\
[Desktop Entry]
Version=1.4
Type=Application
Name={name}
Comment={comment}
Exec={command}
Icon={icon}
Terminal={terminal}
Categories=Office;Finance;
{more}"""
_MIME = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{MIME}">
    <comment>CryptoBot strategy</comment>
    <sub-class-of type="application/zip"/>
    <generic-icon name="{APP_ID}"/>
    <glob pattern="*{BUNDLE}"/>
  </mime-type>
</mime-info>
"""
_RESERVED = re.compile(r"[\s\"'\\><~|&;$*?#()`]")


def application(words: list[str], *, window: bool = True) -> str:
    """The entry of the applications menu; it opens the launcher.

    Args:
        window: whether the program can open one (tkinter is there); else it is the menu in a terminal.
    """
    more = "Keywords=trading;bot;exchange;\nStartupNotify=true\n"
    command = [*words, "launcher", *([] if window else ["--text"])]
    return _entry(NAME, COMMENT, command, terminal=not window, more=more)


def opener(words: list[str]) -> str:
    """What a double click on a bundle starts: a terminal that shows it and asks."""
    more = f"MimeType={MIME};\nNoDisplay=true\n"
    comment = "Look at an add-on and install it"
    return _entry(f"{NAME} add-on", comment, [*words, "addon", "open"], terminal=True, more=more, file=True)


def kinds() -> str:
    """The description of the bundle's kind of file, for shared-mime-info."""
    return _MIME


def icon() -> bytes:
    """The icon (SVG)."""
    return files(__package__).joinpath("icon.svg").read_bytes()


def _entry(
    name: str, comment: str, words: list[str], *, terminal: bool, more: str, file: bool = False
) -> str:
    command = " ".join(_word(word) for word in words) + (" %f" if file else "")
    return _ENTRY.format(
        name=name, comment=comment, command=command, icon=APP_ID, terminal=str(terminal).lower(), more=more
    )


def _word(word: str) -> str:
    """One word of an Exec line: quoted when it has to be; `%` is a sign of its own."""
    word = word.replace("%", "%%")
    if not _RESERVED.search(word):
        return word
    quoted = re.sub(r'([\\"`$])', r"\\\1", word)
    return f'"{quoted}"'.replace("\\", "\\\\")
