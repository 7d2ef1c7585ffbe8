"""The pipe that takes a service's stdout and stderr, through all its lives."""

import os
import sys

# What a child may write while nobody reads; the system takes the memory only when it is used.
PIPE_BYTES = 262_144


def make_pipe() -> tuple[int, int]:
    """Its reading and its writing end, neither inherited.

    On Linux the end that a child gets can be read too, so that the pipe does not break when all others die.
    """
    read_end, write_end = os.pipe()
    if sys.platform == "linux":
        import fcntl

        both = os.open(f"/proc/self/fd/{write_end}", os.O_RDWR | os.O_CLOEXEC)
        os.close(write_end)
        write_end = both
        try:
            fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:  # a user with very many pipes keeps the usual size
            return read_end, write_end
    return read_end, write_end
