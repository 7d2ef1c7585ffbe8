"""`python -m cryptobot`, and the console script `cryptobot`."""

import sys


def main() -> int:
    """Run the command line; return the process's exit code."""
    from cryptobot.supervisor.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
