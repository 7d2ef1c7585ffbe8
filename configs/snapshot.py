"""The checked settings as one file, so that services neither read YAML nor check it again."""

from pathlib import Path

import msgspec
import msgspec.inspect

from .errors import NotRunningError, SettingsError
from .files import replace
from .paths import Home
from .schema import Settings

_NAME = "settings.json"
_OBJECTS = (msgspec.inspect.StructType, msgspec.inspect.DictType)
_LISTS = (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)


def path(home: Home) -> Path:
    """Where they lie."""
    return home.run / _NAME


def write(home: Home, settings: Settings) -> None:
    """Put the settings where `read` of every service finds them (run/settings.json, mode 0600)."""
    replace(path(home), msgspec.json.encode(settings))


def read(home: Home) -> Settings:
    """The settings this home runs with.

    Raises:
        NotRunningError: nobody wrote them; the daemon was never started here.
        SettingsError: the file is damaged.
    """
    try:
        data = path(home).read_bytes()
    except FileNotFoundError:
        raise NotRunningError(
            f"No settings are in force in {home.root}; start the platform with `cryptobot up`."
        ) from None
    try:
        return _decoded(data)
    except (msgspec.MsgspecError, LookupError, TypeError):
        raise SettingsError(
            f"The settings in force, {path(home)}, are damaged; `cryptobot reload`, or `cryptobot up` "
            "when it does not run, writes them anew."
        ) from None


def _decoded(data: bytes) -> Settings:
    """The settings; keys that a newer version wrote, and that this one does not know, are left out."""
    try:
        return msgspec.json.decode(data, type=Settings)
    except msgspec.ValidationError:
        found = msgspec.json.decode(data)
    return msgspec.convert(_known(found, msgspec.inspect.type_info(Settings)), Settings)


def _known(value: object, kind: msgspec.inspect.Type) -> object:
    """A value without what its type has no place for, at any depth."""
    if isinstance(kind, msgspec.inspect.Metadata):
        return _known(value, kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        fitting = msgspec.inspect.ListType if isinstance(value, list) else _OBJECTS
        return next((_known(value, one) for one in kind.types if isinstance(one, fitting)), value)
    if isinstance(value, dict) and isinstance(kind, msgspec.inspect.StructType):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {key: _known(part, fields[key]) for key, part in value.items() if key in fields}
    if isinstance(value, dict) and isinstance(kind, msgspec.inspect.DictType):
        return {key: _known(part, kind.value_type) for key, part in value.items()}
    if isinstance(value, list) and isinstance(kind, _LISTS):
        return [_known(part, kind.item_type) for part in value]
    return value


class Watch:
    """Looks whether other settings were put in force.

    Args:
        settings: those that are known already.
    """

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home, self._settings = home, settings
        self._seen = (0, 0)

    def changed(self) -> Settings | None:
        """The settings when they are others than at the last call; None otherwise. Costs one stat."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            found = read(self._home)
        except (NotRunningError, SettingsError):
            return None  # whoever needs them whole is told by the error of that moment
        if found == self._settings:
            return None
        self._settings = found
        return found

    def _stamp(self) -> tuple[int, int]:
        """Each writing makes a new file."""
        try:
            status = path(self._home).stat()
        except OSError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns
