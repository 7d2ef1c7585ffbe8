"""The launcher as a menu of text, for people at a terminal and for programs that pipe their choices in."""

import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from ...configs.errors import CryptoBotError, UsageError
from ..cli.logview import for_people
from ..doctor.finding import OK, Finding
from .picture import Picture
from .presenter import Presenter

_LOOK_S = 5.0
_LOG_LINES = 20
_MENU = (
    ("1", "status", "status"),
    ("2", "start", "start"),
    ("3", "stop", "stop"),
    ("4", "dashboard", "open the dashboard"),
    ("5", "logs", "logs (logs SERVICE)"),
    ("6", "presets", "presets (preset NAME takes one)"),
    ("7", "doctor", "something is wrong"),
    ("8", "mend", "mend what can safely be mended"),
    ("q", "quit", "quit"),
)
ACTIONS = ("status", "start", "stop", "dashboard", "logs", "presets", "preset", "doctor", "mend")


class TextLauncher:
    """Carries out one action after the other; `facts` of the last one is what --json prints."""

    def __init__(self, presenter: Presenter, out: TextIO | None = None) -> None:
        self._presenter = presenter
        self._out = out or sys.stdout
        self.facts: Any = None

    def menu(self, words: TextIO, *, asking: bool) -> int:
        """Ask until `q` or the end of the input; 1 when an action failed and nobody was there to see it.

        Args:
            asking: a person is there: show the menu and the mark before each answer.
        """
        failed = False
        self._say(head(self._looked()))
        for line in self._answers(words, asking):
            try:
                self.act(line)
            except CryptoBotError as error:
                failed = True
                self._say(str(error))
        return 1 if failed and not asking else 0

    def _answers(self, words: TextIO, asking: bool) -> Iterator[str]:
        while True:
            if asking:
                self._say("\n" + "   ".join(f"{key} {shown}" for key, _, shown in _MENU))
                self._out.write("> ")
                self._out.flush()
            line = words.readline()
            chosen = line.strip()
            if not line or chosen in ("q", "quit"):
                return
            if chosen:
                yield chosen

    def act(self, line: str) -> None:
        """Carry out `start`, `2`, `logs trade`, `preset trend-follower` and the like.

        Raises:
            UsageError: there is no such action.
            CryptoBotError: it cannot be done.
        """
        word, _, rest = line.strip().partition(" ")
        name = next((action for key, action, _ in _MENU if key == word), word)
        actions: dict[str, Callable[[str], None]] = {
            "status": self._status,
            "start": lambda _: self._told(self._presenter.start()),
            "stop": lambda _: self._told(self._presenter.stop()),
            "dashboard": lambda _: self._told(self._presenter.open_dashboard()),
            "logs": self._logs,
            "presets": self._presets,
            "preset": lambda rest: self._told(self._presenter.use_preset(rest.strip())),
            "doctor": lambda _: self._doctor(mend=False),
            "mend": lambda _: self._doctor(mend=True),
        }
        if name not in actions:
            raise UsageError(f"There is no action {word!r}; there are {', '.join(actions)}.")
        actions[name](rest)

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")

    def _told(self, sentence: str) -> None:
        self.facts = {"message": sentence}
        self._say(sentence)

    def _looked(self) -> Picture:
        self._presenter.wait_for(lambda picture: picture.alive is not None, _LOOK_S)
        return self._presenter.picture

    def _status(self, _rest: str) -> None:
        picture = self._looked()
        self.facts = {
            "home": picture.home,
            "state": picture.state,
            "headline": picture.headline,
            "detail": picture.detail,
            "services": list(picture.rows.values()),
            "alerts": list(picture.alerts.values()),
        }
        self._say(head(picture))
        width = max((len(row.title) for row in picture.rows.values()), default=0)
        for row in picture.rows.values():
            self._say(f"  {row.title:<{width}}  {row.state:<9}  {row.reason}".rstrip())
        for title in picture.alerts.values():
            self._say(f"  alert: {title}")

    def _logs(self, rest: str) -> None:
        names = self._presenter.log_names()
        service = rest.strip()
        if service and service not in names:
            raise UsageError(f"{service} has written no log; there are {', '.join(names) or 'none'}.")
        lines = self._presenter.log(service)[-_LOG_LINES:]
        self.facts = [line.fields or {"text": line.text, "service": line.service} for line in lines]
        width = 0 if service else max(map(len, names), default=0)
        for line in lines:
            self._say(for_people(line, lambda text, _level: text, width))
        if not lines:
            self._say("Nothing was logged yet.")

    def _presets(self, _rest: str) -> None:
        found = self._presenter.presets()
        self.facts = [preset._asdict() for preset in found]
        width = max(len(preset.name) for preset in found)
        for preset in found:
            mark = "*" if preset.chosen else " "
            self._say(f"{mark} {preset.name:<{width}}  {preset.kind:<8}  {preset.summary}")
        self._say(
            "`preset NAME` takes one. A template replaces config.yaml; the old text stays in its history."
        )

    def _doctor(self, *, mend: bool) -> None:
        found = self._presenter.diagnose(mend=mend)
        self.facts = found
        for text in explained(found):
            self._say(text)


def head(picture: Picture) -> str:
    """Two lines: which home, and how it is."""
    return f"CryptoBot in {picture.home}: {picture.headline}\n{picture.detail}".rstrip()


def explained(findings: list[Finding]) -> list[str]:
    """What is wrong, why that matters and what to do, in paragraphs; one sentence when nothing is."""
    told = []
    for one in findings:
        if one.verdict == OK and not one.mended:
            continue
        lines = [f"{one.check} ({one.verdict}): {one.what}"]
        given = (("why", one.why), ("what to do", one.todo), ("mended", one.mended))
        lines += [f"  {word}: {text}" for word, text in given if text]
        told.append("\n".join(lines))
    checked = f"{len(findings)} things were looked at"
    return [*told, f"{checked}; no fault was found." if not told else f"{checked}."]
