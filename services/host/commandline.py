"""Running a service's own part of the command line: what click and our errors mean as exit codes."""

import sys

import click

from ...configs.errors import CryptoBotError, NotRunningError, RetryLaterError, SettingsError, UsageError
from ...configs.paths import Home

OK, FAILED, USAGE, NOT_RUNNING = 0, 1, 2, 3


def run(
    command: click.Command,
    home: Home,
    arguments: list[str],
    *,
    name: str,
    interrupted: str = "",
    later: str = "",
) -> int:
    """Call `cryptobot NAME ARGUMENTS` and return the exit code; errors go to stderr in a sentence.

    Args:
        interrupted: what Ctrl-C has left, as a sentence.
        later: what is added when it has to be tried again.
    """
    try:
        code = command.main(arguments, prog_name=f"cryptobot {name}", standalone_mode=False, obj=home)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _said(interrupted, FAILED)
    except click.ClickException as error:
        error.show(sys.stderr)
        return USAGE
    except (SettingsError, UsageError) as error:
        return _said(error, USAGE)
    except NotRunningError as error:
        return _said(error, NOT_RUNNING)
    except RetryLaterError as error:
        return _said(f"{error} {later}".rstrip(), FAILED)
    except CryptoBotError as error:
        return _said(error, FAILED)
    return code if isinstance(code, int) else OK  # what click makes of Exit


def _said(sentence: object, code: int) -> int:
    if str(sentence):
        sys.stderr.write(f"{sentence}\n")
    return code
