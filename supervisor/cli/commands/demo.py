"""cryptobot demo"""

import sys
import time

import click

from ....configs import firstrun
from ....configs.errors import CryptoBotError, ServiceError, UsageError
from ....configs.paths import Home
from .. import web
from ..call import Call, json_option, pass_call, set_option
from ..demo.ending import Ended, Signals
from ..demo.screen import Screen
from ..demo.session import Session
from ..demo.summary import Summary, check, sentences
from ..durations import length
from ..group import Command
from ..output import note, print_json
from ..prepare import prepare
from ..progress import Progress

# The demo trades on the paper exchange whatever the home's settings say; --set comes after these.
SETTINGS = (
    "data.exchange=paper",
    "data.timeframe=1s",
    "paper.source=recorded",
    "paper.candle_interval_s=1",
)
_PATIENCE_S = 20.0
_HASTE_S = 5.0


@click.command(cls=Command)
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready, and leave it running.")
@click.option(
    "--for", "for_s", type=length, metavar="TIME", help="End by itself after 90s, 5m, …; then sum up."
)
@click.option("--no-browser", is_flag=True, help="Do not open the dashboard in a browser.")
@set_option
@json_option
@pass_call
def command(
    call: Call, detach: bool, for_s: float | None, no_browser: bool, overrides: tuple[str, ...], as_json: bool
) -> int:
    """Start everything on a paper exchange with recorded prices, and watch the bot trade.

    It needs no account, no key and no network. Recorded Coinbase BTC/USD prices of 2017 to 2019 are
    played, one hour each second. Ctrl-C ends it and leaves no process; before all is ready, with exit code 1.

    With --for it ends by itself, sums up, and exits with 0 only if something was filled and the bot's
    ledger equals the exchange's. --json prints one object at the end (with -d: when all is ready).
    """
    if detach and for_s is not None:
        raise UsageError(
            "--for ends a demo in the foreground; leave -d away, or end it with `cryptobot down`."
        )
    chosen = (*SETTINGS, *overrides)
    prepare(call.home, chosen)
    firstrun.end(call.home)
    signals = Signals()
    signals.install()
    session = Session(call.home, leashed=not detach, overrides=chosen)
    if detach:
        return _detached(call.home, session, as_json)
    return _Run(call.home, session, signals, as_json).until_the_end(for_s, browser=not no_browser)


def _detached(home: Home, session: Session, as_json: bool) -> int:
    try:
        progress = session.start()
    except CryptoBotError:
        session.stop()
        raise
    except Ended:
        note("Stopping.")
        session.stop()
        raise click.Abort from None
    if as_json:
        print_json(
            {"pid": session.pid, "home": str(home.root), "ready_s": progress.ready_after, **_entrance(home)}
        )
    else:
        tell_entrance(home)
        note(f"Stop it with `cryptobot --home {home.root} down`.")
    return 0


def _entrance(home: Home) -> dict[str, str | None]:
    return {"url": web.address_or_nothing(home), "user": "admin", "password": web.initial_password(home)}


def tell_entrance(home: Home) -> None:
    """How to get into the dashboard."""
    entrance = _entrance(home)
    password = f"password {entrance['password']}" if entrance["password"] else "with the password you chose"
    note(f"\nDashboard  {entrance['url']}\n           user {entrance['user']}, {password}")
    note("           Its certificate was made on this machine, so the browser will ask once.\n")


class _Run:
    """A demo in the foreground."""

    def __init__(self, home: Home, session: Session, signals: Signals, as_json: bool) -> None:
        self._home, self._session, self._signals, self._as_json = home, session, signals, as_json
        self._began = False

    def until_the_end(self, for_s: float | None, *, browser: bool) -> int:
        """Start, watch, sum up, stop; returns the exit code."""
        summary: Summary | None = None
        try:
            summary = self._live(for_s, browser)
        except Ended:
            note("Stopping.")
        finally:
            self._signals.disarm()
            self._session.stop()
        if not self._began:
            raise ServiceError("Stopped before everything was ready.")
        return self._tell(summary, judged=for_s is not None and self._signals.name == "end")

    def _live(self, for_s: float | None, browser: bool) -> Summary | None:
        self._greet(self._session.start(), browser)
        try:
            self._session.watch(lambda screen: self._wait(screen, for_s))
        except Ended:
            return self._early()
        self._signals.disarm()
        note("Time is up: the strategies stop, then the books are compared.")
        return self._session.sum_up(patience_s=_PATIENCE_S)

    def _early(self) -> Summary | None:
        """A demo that was interrupted is summed up if that is possible, and stopped in any case."""
        if self._session.stopped_elsewhere:
            note("The platform was stopped by another command.")
            return None
        if not self._session.watched:
            raise Ended
        note("Stopping: the strategies first, then the books are compared.")
        try:
            return self._session.sum_up(patience_s=_HASTE_S)
        except CryptoBotError as error:
            note(f"There is no summary: {error}")
            return None

    def _greet(self, progress: Progress, browser: bool) -> None:
        self._began = True
        slowest = max(progress.ready_after.values(), default=0.0)
        note(f"All {len(progress.ready_after)} services are ready after {slowest:.1f} s.")
        tell_entrance(self._home)
        if browser and not self._as_json:
            web.open_browser(web.address_or_nothing(self._home))

    def _wait(self, screen: Screen, for_s: float | None) -> None:
        ends = None if for_s is None else time.monotonic() + for_s
        while ends is None or time.monotonic() < ends:
            if self._session.failed:
                raise CryptoBotError(self._session.failed)
            # The signal's own exception is lost when it comes while a library's clean-up runs.
            if self._session.stopped_elsewhere or self._signals.name:
                raise Ended
            time.sleep(1.0 if ends is None else max(0.0, min(1.0, ends - time.monotonic())))
            screen.tick()

    def _tell(self, summary: Summary | None, *, judged: bool) -> int:
        if summary is None:
            return 0
        if self._as_json:
            print_json(summary)
        else:
            sys.stdout.write(sentences(summary, judged=judged) + "\n")
        if judged:
            check(summary)
        return 0
