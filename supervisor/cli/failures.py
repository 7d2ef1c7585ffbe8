"""What becomes of errors: one sentence on stderr and an exit code, never a traceback on the screen."""

import os
import sys
import time
import traceback

from ...configs.errors import CryptoBotError, NotRunningError, SettingsError, UsageError
from ...configs.paths import Home

EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, EXIT_NOT_RUNNING = 0, 1, 2, 3


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


def expected(error: CryptoBotError) -> int:
    """An error that the product raises on purpose: its text is the sentence."""
    return fail(str(error), exit_code(error))


def unexpected(home: str | None, error: Exception) -> int:
    """A fault of ours: the traceback goes into a file of the home (else to stderr), which is named."""
    text = "".join(traceback.format_exception(error))
    sentence = f"This should not have happened ({type(error).__name__}: {error})."
    try:
        path = _write(home, text)
    except (OSError, CryptoBotError):
        sys.stderr.write(text)
        return fail(sentence, EXIT_FAILED)
    return fail(f"{sentence} Details are in {path}.", EXIT_FAILED)


def _write(home: str | None, text: str) -> str:
    folder = Home.find(home).logs
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"cli-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.log"
    path.write_text(text, encoding="utf-8")
    return str(path)
