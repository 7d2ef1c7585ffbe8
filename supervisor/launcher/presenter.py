"""What the launcher can do, without a screen: the window and the text menu both speak to this alone."""

import contextlib
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from ...configs import edit
from ...configs.errors import UsageError
from ...configs.exchange import import_text, template, template_names
from ...configs.load import load
from ...configs.paths import Home
from ..cli import daemon
from ..cli.call import person
from ..cli.launching import Launched
from ..cli.logview import Line, by_time, names_in
from ..cli.prepare import prepare
from ..cli.web import address, initial_password, open_privately, setup_address
from ..doctor.examine import examine
from ..doctor.finding import FAULT, OK, Finding
from ..output.logs import tail
from .picture import Picture
from .watch import Watch

_READY_S = 120.0
_GONE_S = 5.0
_LOG_LINES = 300
_PROFILES = {
    "paper": "Trade on the paper exchange with recorded prices: no account, no key, no network.",
    "dev": "As paper, with talkative logs and quick verdicts, for work on strategies.",
    "minimal": "For small machines: fewer samples, short history, small logs.",
    "prod": "For real money: small limits to begin with, patience at restarts, long logs.",
}


class Preset(NamedTuple):
    """A start to choose: a whole config.yaml (template), or defaults beneath the own one (profile)."""

    kind: str
    name: str
    summary: str
    chosen: bool


class Presenter:
    """One home and what is done with it.

    Actions block until they are through, return a sentence for the person, and raise CryptoBotError with one
    when they cannot. `on_change` is called on any thread when `picture` is another.
    """

    def __init__(
        self,
        home: Home,
        on_change: Callable[[Picture], None] | None = None,
        browse: Callable[[str], bool] = webbrowser.open,
    ) -> None:
        self.home = home
        self._on_change, self._browse = on_change, browse
        self._changed = threading.Condition()
        self.picture = Picture(str(home.root))
        self._watch = Watch(home, self._take)

    def _take(self, event: dict[str, Any]) -> None:
        self._show(lambda before: before.after(event))

    def _show(self, change: Callable[[Picture], Picture]) -> None:
        with self._changed:
            before, self.picture = self.picture, change(self.picture)
            after = self.picture
            self._changed.notify_all()
        if after != before and self._on_change is not None:
            self._on_change(after)

    def wait_for(self, wanted: Callable[[Picture], bool], timeout_s: float) -> bool:
        """Wait until the picture is as wanted; whether it became so in time."""
        with self._changed:
            return self._changed.wait_for(lambda: wanted(self.picture), timeout_s)

    # Actions

    def start(self) -> str:
        """Start everything and return when it is ready.

        Raises:
            UsageError: it runs already.
            CryptoBotError: it cannot start as things are.
        """
        if self.picture.alive and self.picture.state == "off":
            with daemon.connect(self.home) as client:  # a supervisor whose services were all stopped
                client.start(wait=False)
                told = client.wait_ready(timeout_s=_READY_S)
        else:
            prepare(self.home, (), wizard=True)
            launched = Launched(self.home, leashed=False)
            self._watch.look()
            with launched.connect() as client:
                told = client.wait_ready(timeout_s=_READY_S)
        if not told["ready"]:
            waiting = [f"{one['name']} is {one['state']}" for one in told["services"] if not one["ready"]]
            return f"Started, but not everything is ready: {', '.join(waiting)}."
        self.wait_for(lambda picture: picture.state in ("on", "trouble"), _GONE_S)
        return f"CryptoBot runs in {self.home.root}. It goes on when the launcher is closed."

    def stop(self) -> str:
        """Stop everything and return when it is gone.

        Raises:
            NotRunningError: it does not run.
        """
        with daemon.connect(self.home) as client:
            self._show(lambda before: replace(before, stopping=True))
            try:
                client.shutdown(timeout_s=_READY_S)
            finally:
                self._show(lambda before: replace(before, stopping=False))
        self.wait_for(lambda picture: not picture.alive, _GONE_S)
        return "CryptoBot has stopped. Orders that rest at the venue stay there."

    def open_dashboard(self) -> str:
        """Open the dashboard, or the first-run wizard while it waits, in the browser.

        Raises:
            NotRunningError: the dashboard is not up.
        """
        daemon.require_running(self.home)
        url, setup = address(self.home), setup_address(self.home)
        opened = open_privately(self.home, setup) if setup else self._browse(url)
        what = "The first-run wizard" if setup else "The dashboard"
        unopened = f"No browser could be opened; the address is {setup or url}"
        told = f"{what} opens at {url}" if opened else unopened
        if not setup and initial_password(self.home):
            told += f" - user admin, the first password is in {self.home.keys / 'initial-password'}"
        return told

    def log(self, service: str = "") -> list[Line]:
        """The newest lines of one service, or of all."""
        names = [service] if service else names_in(self.home.logs)
        return by_time(line for name in names for line in _lines(self.home, name))[-_LOG_LINES:]

    def log_names(self) -> list[str]:
        """Services that have written a log."""
        return names_in(self.home.logs)

    def presets(self) -> list[Preset]:
        """Profiles and templates to choose from.

        Raises:
            SettingsError: the settings of the home are wrong.
        """
        profile, text = load(self.home).settings.profile, edit.current(self.home).text
        profiles = [Preset("profile", name, summary, name == profile) for name, summary in _PROFILES.items()]
        templates = [
            Preset("template", name, _summary(template(name)), template(name) == text)
            for name in template_names()
        ]
        return [*profiles, *templates]

    def use_preset(self, name: str) -> str:
        """Take a preset; what changed is put in force at once where the platform runs.

        Raises:
            UsageError: there is none of that name.
            SettingsError: with it the settings are wrong.
        """
        if name in template_names():
            made = import_text(self.home, template(name), actor=person(), source="launcher")
        elif name in _PROFILES:
            made = edit.set_values(self.home, {"profile": name}, actor=person(), source="launcher")
        else:
            known = ", ".join([*_PROFILES, *template_names()])
            raise UsageError(f"There is no preset {name}; there are {known}.")
        if made is None:
            return f"The settings are those of {name} already."
        told = f"{name} is chosen (revision {made.number}; `cryptobot config rollback` goes back)."
        if not self.picture.alive:
            return f"{told} It counts from the next start on."
        with daemon.connect(self.home) as client:
            steps = client.reload()
        restarted = ", ".join(dict.fromkeys(str(step["service"]) for step in steps))
        return f"{told} Restarted: {restarted}." if restarted else told

    def diagnose(self, *, mend: bool = False) -> list[Finding]:
        """What the doctor finds; what is wrong first. With `mend` it mends what can safely be mended."""
        found = list(examine(self.home, fix=mend))
        order = {FAULT: 0, OK: 2}
        return sorted(found, key=lambda one: order.get(one.verdict, 1))

    def close(self) -> None:
        """Let go of the home; the platform goes on."""
        self._watch.close()


def _lines(home: Home, service: str) -> list[Line]:
    found: list[Line] = []
    at = 0.0
    with contextlib.suppress(OSError):
        for text in tail(home.logs / f"{service}.log", _LOG_LINES):
            line = Line.parse(text, service, at)
            at = line.at
            found.append(line)
    return found


def _summary(text: str) -> str:
    """The comment that a template begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# "))
    return lines[0] if lines else ""
