"""Would a process be made differently today than it was?"""

import zlib

import msgspec

from ..catalogue.registry import Manifest
from .store import Kept

# The fields that make a process what it is; the others count at once, without a restart.
_MAKING = ("target", "command", "environment", "directory", "limits", "secrets", "settings_digest")
CHANGED = "its settings changed while no supervisor ran"


def shape_of(manifest: Manifest) -> str:
    """A short text that is equal for manifests whose processes are equal."""
    making = [getattr(manifest, field) for field in _MAKING]
    return f"{zlib.crc32(msgspec.json.encode(making)):08x}"


def is_stale(kept: Kept, manifest: Manifest) -> bool:
    """Whether a running process was started with another configuration."""
    return bool(kept.shape) and kept.shape != shape_of(manifest)
