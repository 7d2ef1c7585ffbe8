"""The platform this process runs on."""

import sys

from .base import Platform


def here() -> Platform:
    """The adapter of this operating system."""
    if sys.platform == "win32":
        from .windows import WindowsPlatform

        return WindowsPlatform()
    if sys.platform == "linux":
        from .linux import LinuxPlatform

        return LinuxPlatform()
    from .posix import PosixPlatform

    return PosixPlatform()
