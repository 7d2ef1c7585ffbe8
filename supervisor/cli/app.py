"""The command line itself: click, and its errors."""

import errno
import os
import sys
from collections.abc import Sequence

import click

from ...configs.errors import CryptoBotError, UsageError
from . import failures
from .call import Call
from .failures import EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE
from .group import HELP_OPTIONS, LazyGroup

HELP = """CryptoBot: trading bots as supervised processes.

`cryptobot demo` shows all of it in two minutes, with no account, no key and no network.

\b
Exit codes: 0 done, 1 it failed, 2 wrong use or settings, 3 not running.
"""
# The other end of a pipe, or the terminal, was closed: nobody is left to be told.
_READER_GONE = frozenset({errno.EPIPE, errno.EIO})
CONTEXT = {"help_option_names": HELP_OPTIONS, "max_content_width": 100}


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
        return failures.fail(_sentence(error), EXIT_WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        return failures.fail("Interrupted.", EXIT_FAILED)
    except CryptoBotError as error:
        return failures.expected(error)
    except OSError as error:
        if error.errno not in _READER_GONE:
            return failures.unexpected(home, error)
        _close_stdout()
        return EXIT_DONE
    except Exception as error:
        return failures.unexpected(home, error)


def _invoke(home: str | None, words: Sequence[str]) -> int:
    root = LazyGroup(help=HELP, context_settings=CONTEXT)
    root.params.append(
        click.Option(["--version"], is_flag=True, expose_value=False, help="Print the version.")
    )
    result = root.main(args=list(words), prog_name="cryptobot", standalone_mode=False, obj=Call(home))
    sys.stdout.flush()
    return result if isinstance(result, int) else EXIT_DONE


def _sentence(error: click.ClickException) -> str:
    text = error.format_message().strip()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{text} `{error.ctx.command_path} --help` shows how."
    return text


def _close_stdout() -> None:
    """Without this Python complains once more at its exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
