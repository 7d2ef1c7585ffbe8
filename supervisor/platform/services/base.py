"""The interface between `cryptobot service install` and the operating system's service manager."""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from ....configs.errors import CryptoBotError, UsageError
from ....configs.files import replace
from ....configs.paths import Home

STOP_TIMEOUT_S = 90
DESCRIPTION = "CryptoBot: trading bots as supervised processes"


class Outcome(NamedTuple):
    """What a command of the service manager left behind."""

    code: int
    said: str


Runner = Callable[[list[str]], Outcome]


@dataclass(frozen=True, slots=True)
class Installation:
    """What is to run.

    Args:
        name: of the service, for the service manager.
        home: the home folder it runs in.
        program: the words that start `cryptobot`.
        user: who it runs as, for a service of the machine; "" for one of the person who installs it.
        autostart: whether it starts with the machine (or at login), not only when it is asked for.
        start: whether it starts now, too; without it an image or a chroot can be prepared.
    """

    name: str
    home: Home
    program: list[str]
    user: str = ""
    autostart: bool = True
    start: bool = True

    @property
    def words(self) -> list[str]:
        """The command line of the platform in the foreground."""
        return [*self.program, *self.ending]

    @property
    def ending(self) -> list[str]:
        """The last three words of it: whose home it is, whatever the program is called after an update."""
        return ["--home", str(self.home.root), "up"]


class ServiceManager(ABC):
    """One service manager. It writes a definition and runs commands through the `runner` it is given."""

    def __init__(self, what: Installation, *, whole_machine: bool, runner: Runner) -> None:
        self.what, self.whole_machine, self.runner = what, whole_machine, runner
        self._rehearsed: list[str] | None = None

    def rehearse(self) -> list[str]:
        """What `install` would do, a line each; nothing is done.

        Raises:
            UsageError: a service of this name belongs to another home.
        """
        told: list[str] = []
        self._rehearsed = told
        try:
            self.install()
        finally:
            self._rehearsed = None
        return told

    @abstractmethod
    def definition(self) -> str:
        """What `--print` shows: the file, or the commands where there is no file."""

    @abstractmethod
    def check(self) -> None:
        """Whether anything can be installed here.

        Raises:
            CryptoBotError: the service manager is not there.
            UsageError: the rights are missing.
        """

    @abstractmethod
    def installed(self) -> bool:
        """Whether a service of this name is there."""

    @abstractmethod
    def is_ours(self) -> bool:
        """Whether a service of this name is there and runs this very home."""

    @abstractmethod
    def install(self) -> list[str]:
        """Install and start it; sentences for the person.

        Raises:
            CryptoBotError: a command of the service manager failed; its words are told.
            UsageError: a service of this name belongs to another home.
        """

    @abstractmethod
    def uninstall(self) -> list[str]:
        """Stop and remove it; the home with all its data stays. Sentences for the person.

        Raises:
            UsageError: it is not installed.
            CryptoBotError: a command of the service manager failed.
        """

    def prepare_home(self) -> None:
        """Make the home of a person's own service; that of the machine is there already."""
        if self._rehearsed is None and not self.whole_machine:
            self.what.home.create()

    def attempt(self, words: list[str]) -> None:
        """Run a command that may fail."""
        if self._rehearsed is None:
            self.runner(words)
        else:
            self._rehearsed.append(f"would run    {command_line(words)}")

    def demand(self, words: list[str]) -> None:
        """Run a command that has to succeed."""
        if self._rehearsed is not None:
            self._rehearsed.append(f"would run    {command_line(words)}")
            return
        outcome = self.runner(words)
        if outcome.code != 0:
            self.failed(words, outcome)

    def failed(self, words: list[str], outcome: Outcome) -> NoReturn:
        """Raises CryptoBotError with the command and its own words."""
        said = outcome.said.strip() or "it said nothing"
        raise CryptoBotError(f"`{command_line(words)}` failed with code {outcome.code}: {said}")

    def write(self, path: Path, *, same_home: Callable[[str], bool]) -> None:
        """Put the definition into its file, unless the file is another home's."""
        try:
            if path.exists() and not same_home(path.read_text(encoding="utf-8")):
                raise UsageError(
                    f"{path} starts CryptoBot in another home; choose another name with --name NAME, "
                    "or remove that one with `cryptobot service uninstall`."
                )
            if self._rehearsed is not None:
                self._rehearsed.append(f"would write  {path}")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, self.definition().encode(), mode=0o644)
        except OSError as error:
            raise CryptoBotError(f"{path} cannot be written ({error.strerror or error}).") from error

    def remove(self, path: Path) -> None:
        """Remove the definition's file."""
        try:
            path.unlink()
        except OSError as error:
            raise CryptoBotError(f"{path} cannot be removed ({error.strerror or error}).") from error

    def require_file(self, path: Path) -> None:
        """Raises UsageError when nothing is installed."""
        if not self.installed():
            raise UsageError(f"There is no service {self.what.name}: {path} does not exist.")


def run_command(words: list[str]) -> Outcome:
    """The runner of real installations: no shell, output kept, 120 s at most."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
    except FileNotFoundError:
        return Outcome(127, f"the program {words[0]} does not exist")
    except subprocess.TimeoutExpired:
        return Outcome(124, "it did not end within 120 s")
    return Outcome(done.returncode, done.stderr or done.stdout)


def command_line(words: list[str]) -> str:
    """Words as one line, quoted as Windows reads it and people expect it."""
    return subprocess.list2cmdline(words)
