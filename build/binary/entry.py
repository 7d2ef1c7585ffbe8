"""Where the compiled program begins; `python build/binary/build.py` compiles it.

`multiprocessing` starts this executable too: for its workers (Nuitka runs this file then under another name,
so nothing here may run without the last two lines) and, with `-c`, for the process that clears up after them.
"""

import sys

from cryptobot.configs import frozen

_TRACKER = "from multiprocessing.resource_tracker import main;main("
_HOST = "cryptobot.supervisor.platform.services.windows_host"

frozen.begin()


def main(words: list[str]) -> int:
    """Run the command line, or what the standard library or Windows starts this executable for."""
    if "-c" in words and words[-1].startswith(_TRACKER):
        from multiprocessing import resource_tracker

        resource_tracker.main(int(words[-1].removeprefix(_TRACKER).rstrip(")")))
        return 0
    if words[:2] == ["-m", _HOST]:
        from cryptobot.supervisor.platform.services import windows_host

        return windows_host.main(*words[2:4])
    from cryptobot.supervisor.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
