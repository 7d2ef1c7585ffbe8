"""Make what people install out of a standalone folder.

    python build/packages/make.py [--folder dist/cryptobot] [--out dist/packages] [deb rpm appimage …]

Without names it makes what this operating system can: on Linux deb, rpm and appimage, and the recipes for
macOS and Windows, which are finished there by the same command.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import appimage
import facts
import linux
import macos
import windows

KINDS: dict[str, Callable[[Path, Path], list[Path]]] = {
    "deb": lambda folder, out: [linux.build(folder, out, "deb")],
    "rpm": lambda folder, out: [linux.build(folder, out, "rpm")],
    "appimage": lambda folder, out: [appimage.build(folder, out)],
    "macos": macos.build,
    "windows": windows.build,
    "recipes": lambda folder, out: [*macos.recipes(out), *windows.recipes(folder, out)],
}
_HERE = {"darwin": ["macos"], "win32": ["windows"]}


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Make packages out of a standalone folder.")
    parser.add_argument("--folder", type=Path, default=facts.ROOT / "dist" / "cryptobot")
    parser.add_argument("--out", type=Path, default=facts.ROOT / "dist" / "packages")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    given = parser.parse_args(words)
    unknown = [kind for kind in given.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"there is no kind {unknown[0]}; there are: {', '.join(KINDS)}")
    facts.check_folder(given.folder)
    given.out.mkdir(parents=True, exist_ok=True)
    for kind in given.kinds or _HERE.get(sys.platform, ["deb", "rpm", "appimage", "recipes"]):
        for path in KINDS[kind](given.folder.resolve(), given.out.resolve()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "-"
            print(f"{digest}  {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
