"""The command line itself: click, and what becomes of errors."""

import os
import sys
import time
import traceback
from collections.abc import Sequence

import click

from ...configs.errors import CryptoBotError, NotRunningError, SettingsError, UsageError
from ...configs.paths import Home
from .call import Call
from .group import LazyGroup

EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, EXIT_NOT_RUNNING = 0, 1, 2, 3

HELP = """CryptoBot: trading bots as supervised processes.

`cryptobot demo` shows all of it in two minutes, with no account, no key and no network.

\b
Exit codes: 0 done, 1 it failed, 2 wrong use or settings, 3 not running.
"""


def execute(home: str | None, words: Sequence[str]) -> int:
    """Run one command of the table.

    Args:
        home: what `--home` said; None when it was not given, "" when its value is missing.
        words: the command line without `--home`.
    """
    try:
        if home == "":
            raise UsageError("The option --home needs a folder: `cryptobot --home DIR COMMAND`.")
        return _invoke(home, words)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_WRONG_USE
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return fail(_sentence(error), EXIT_WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        return fail("Interrupted.", EXIT_FAILED)
    except CryptoBotError as error:
        return fail(str(error), exit_code(error))
    except BrokenPipeError:
        _close_stdout()
        return EXIT_DONE
    except Exception as error:
        return fail(_unexpected(home, error), EXIT_FAILED)


def exit_code(error: CryptoBotError) -> int:
    """The exit code by what the reader must do next."""
    if isinstance(error, SettingsError | UsageError):
        return EXIT_WRONG_USE
    return EXIT_NOT_RUNNING if isinstance(error, NotRunningError) else EXIT_FAILED


def fail(sentence: str, code: int) -> int:
    """Say it on stderr, after whatever stdout still holds."""
    sys.stdout.flush()
    sys.stderr.write(f"cryptobot: {sentence}\n")
    return code


def _invoke(home: str | None, words: Sequence[str]) -> int:
    root = LazyGroup(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
    root.params.append(click.Option(["--version"], is_flag=True, expose_value=False, help="Print the version."))
    result = root.main(args=list(words), prog_name="cryptobot", standalone_mode=False, obj=Call(home))
    sys.stdout.flush()
    return result if isinstance(result, int) else EXIT_DONE


def _sentence(error: click.ClickException) -> str:
    text = error.format_message().strip()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{text} `{error.ctx.command_path} --help` shows how."
    return text


def _unexpected(home: str | None, error: Exception) -> str:
    """Put the traceback into a file of the home (else on stderr), and name it."""
    text = "".join(traceback.format_exception(error))
    what = f"This should not have happened ({type(error).__name__}: {error})."
    try:
        folder = Home.find(home).logs
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"cli-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.log"
        path.write_text(text, encoding="utf-8")
    except OSError:
        sys.stderr.write(text)
        return what
    return f"{what} Details are in {path}."


def _close_stdout() -> None:
    """The reader of a pipe went away; without this Python complains once more at its exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
