"""One compiled executable instead of Python and packages: what is different then (docs/binary.md).

Imports next to nothing: every process pays for it.
"""

import os
import sys

PARTS = "parts"
INSIDE = "program"
"""FOLDER/cryptobot only becomes FOLDER/program/cryptobot.bin, beside which all that was compiled lies."""

ONEFILE = "CRYPTOBOT_ONEFILE"
"""Set by the starter of the one-file form: the file that a person downloaded and starts."""
FOLDER_VARIABLE = "CRYPTOBOT_PROGRAM_FOLDER"
"""Set by the stub of a folder with versions side by side (configs/programfolder.py)."""
STUB = "cryptobot.cmd" if sys.platform == "win32" else "cryptobot"

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_COMPILED_IN = "/usr/lib/ssl/certs"


def executable() -> str:
    """The executable of the compiled program, as a whole path; "" when Python runs us from packages.

    `sys.executable` names a file that does not exist there, and `sys.argv[0]` may be the one-file form's
    starter: each child would go through it again.
    """
    compiled = globals().get("__compiled__")
    if compiled is None:
        return ""
    own = str(getattr(compiled, "process_exe", None) or os.path.abspath(sys.argv[0]))
    folder, name = os.path.split(own)
    starter = os.path.join(os.path.dirname(folder), name.removesuffix(".bin"))
    inside = os.path.basename(folder) == INSIDE and os.path.isfile(starter)
    return starter if inside else own


def program() -> list[str]:
    """How this program is started again, as a child: the executable, or the interpreter and our package."""
    own = executable()
    return [own] if own else [sys.executable, "-m", "cryptobot"]


def lasting_program() -> list[str]:
    """How others start this program next month: of the one-file form the file that was downloaded.

    What it unpacked lies in a cache, which a person may empty. Of versions side by side it is their stub.
    """
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if folder and os.path.isfile(os.path.join(folder, STUB)):
        return [os.path.join(folder, STUB)]
    onefile = one_file()
    return [onefile] if onefile else program()


def one_file() -> str:
    """The one file that a person downloaded and starts (an AppImage, or ours), where this came from one."""
    own, unpacked = executable(), os.environ.get("APPDIR", "")
    if not own:
        return ""
    if unpacked and own.startswith(os.path.join(unpacked, "")):
        return os.environ.get("APPIMAGE", "")
    return os.environ.get(ONEFILE, "")


def parts() -> list[str]:
    """The folders of the parts that lie beside the executable, in order; each is a place to import from."""
    own = executable()
    if not own:
        return []
    folder = os.path.join(os.path.dirname(own), PARTS)
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    shown = (os.path.join(folder, name) for name in names if not name.startswith("."))
    return [path for path in shown if os.path.isdir(path)]


def begin() -> None:
    """Called first in every compiled process: its parts can be imported, and TLS finds its authorities."""
    sys.path.extend(path for path in parts() if path not in sys.path)
    if "SSL_CERT_FILE" not in os.environ and "SSL_CERT_DIR" not in os.environ:
        authorities = _authorities()
        if authorities:
            os.environ["SSL_CERT_FILE"] = authorities


def _authorities() -> str:
    """The machine's list of certificate authorities, else ours; "" where OpenSSL finds one by itself.

    OpenSSL was compiled with the paths of the system that it was built on.
    """
    if sys.platform != "linux" or os.path.isdir(_COMPILED_IN):
        return ""
    for path in _BUNDLES:
        if os.path.isfile(path):
            return path
    import certifi

    return certifi.where()
