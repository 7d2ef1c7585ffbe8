"""A repository of signed versions, as The Update Framework has it (specification 1.0).

    root       three offline keys, two of which must sign; says which keys the other roles have; 1 year
    targets    two offline keys, both of which must sign; says which files there are; 90 days
    snapshot   one key of the publishing machine; says which descriptions belong together; 7 days
    timestamp  one key of the publishing machine; says what is newest, and is made anew every day; 1 day

The timestamp is short so that holding back news is seen within a day.
"""

import datetime
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

DAYS = {"root": 365, "targets": 90, "snapshot": 7, "timestamp": 1}
KEYS = {"root": 3, "targets": 2, "snapshot": 1, "timestamp": 1}
THRESHOLDS = {"root": 2, "targets": 2, "snapshot": 1, "timestamp": 1}


@dataclass(frozen=True)
class KeyFolder:
    """Private keys as PEM files, `ROLE-N.pem`, sealed with a passphrase; a later N replaces earlier ones.

    Those of root and targets belong on a medium that is taken away after signing.
    """

    path: Path
    passphrase: bytes

    def make(self, role: str, count: int) -> list[CryptoSigner]:
        """New keys of a role; files that are there are never written over."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        first = max(self._numbers(role), default=0) + 1
        made = []
        for number in range(first, first + count):
            key = Ed25519PrivateKey.generate()
            seal = BestAvailableEncryption(self.passphrase) if self.passphrase else NoEncryption()
            data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, seal)
            descriptor = os.open(self._file(role, number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            made.append(CryptoSigner(key))
        return made

    def all_of(self, role: str) -> list[CryptoSigner]:
        """Every key of a role that is here, oldest first."""
        found = []
        for number in sorted(self._numbers(role)):
            key = load_pem_private_key(self._file(role, number).read_bytes(), self.passphrase or None)
            found.append(CryptoSigner(key))
        return found

    def _numbers(self, role: str) -> list[int]:
        return [int(path.stem.rpartition("-")[2]) for path in self.path.glob(f"{role}-*.pem")]

    def _file(self, role: str, number: int) -> Path:
        return self.path / f"{role}-{number}.pem"


class Repository:
    """`metadata/` and `targets/` under one folder, ready to be served as static files.

    Args:
        now: the time that expiry counts from; other than now in tests alone.
    """

    def __init__(self, path: Path, keys: KeyFolder, now: datetime.datetime | None = None) -> None:
        self.path, self.keys = path, keys
        self._now = now

    # Reading

    def newest(self, role: str) -> Metadata:
        """The newest description of a role."""
        if role == "timestamp":
            return Metadata.from_file(str(self._metadata / "timestamp.json"))
        numbers = [int(path.name.partition(".")[0]) for path in self._metadata.glob(f"*.{role}.json")]
        return Metadata.from_file(str(self._metadata / f"{max(numbers)}.{role}.json"))

    def first_root(self) -> bytes:
        """What a new installation trusts: the newest root."""
        return self._bytes(self.newest("root"))

    # Writing

    def begin(self) -> None:
        """The first root and an empty repository, with new keys."""
        if self._metadata.exists():
            raise SystemExit(f"{self._metadata} is there already.")
        self._metadata.mkdir(parents=True)
        (self.path / "targets").mkdir()
        root = Root(expires=self._expiry("root"), consistent_snapshot=True)
        for role, count in KEYS.items():
            signers = self.keys.make(role, count)
            root.roles[role].threshold = THRESHOLDS[role]
            for signer in signers:
                root.add_key(signer.public_key, role)
        self._write("root", Metadata(root))
        self._write("targets", Metadata(Targets(expires=self._expiry("targets"))))
        self._write("snapshot", Metadata(Snapshot(expires=self._expiry("snapshot"))))
        self._write("timestamp", Metadata(Timestamp(expires=self._expiry("timestamp"))))

    def add(self, files: dict[str, bytes | Path]) -> None:
        """Publish files under their names: first the files, then who vouches for them, the newest last."""
        targets = self.newest("targets")
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            target = TargetFile.from_data(name, data, ["sha256"])
            targets.signed.targets[name] = target
            folder, _, base = name.rpartition("/")
            place = self.path / "targets" / folder / f"{target.hashes['sha256']}.{base}"
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(place, data)
        self._next("targets", targets)
        self.refresh_snapshot()

    def refresh_snapshot(self) -> None:
        """A new snapshot of what is newest, and a timestamp for it."""
        snapshot = self.newest("snapshot")
        snapshot.signed.meta["targets.json"] = MetaFile(version=self.newest("targets").signed.version)
        self._next("snapshot", snapshot)
        self.refresh_timestamp()

    def refresh_day(self) -> None:
        """Every day, with the online keys: the timestamp, and the snapshot before it grows old."""
        left = self.newest("snapshot").signed.expires - self._time()
        if left < datetime.timedelta(days=DAYS["snapshot"] / 2):
            self.refresh_snapshot()
        else:
            self.refresh_timestamp()

    def renew(self, role: str) -> None:
        """The same again with a later expiry: root and targets when nothing was published for long."""
        self._next(role, self.newest(role))
        if role == "targets":
            self.refresh_snapshot()

    def refresh_timestamp(self) -> None:
        """Say again what is newest, so that nobody can hold it back for longer than a day."""
        timestamp = self.newest("timestamp")
        timestamp.signed.snapshot_meta = MetaFile(version=self.newest("snapshot").signed.version)
        self._next("timestamp", timestamp)

    def rotate(self, role: str) -> None:
        """New keys for a role. A new root is signed by enough of the old keys and of the new ones."""
        root = self.newest("root")
        old = list(root.signed.roles[role].keyids)
        for signer in self.keys.make(role, KEYS[role]):
            root.signed.add_key(signer.public_key, role)
        for keyid in old:
            root.signed.revoke_key(keyid, role)
        before = self.newest("root")
        root.signed.version += 1
        root.signed.expires = self._expiry("root")
        self._sign(root, [*before.signed.roles["root"].keyids, *root.signed.roles["root"].keyids], "root")
        self._save("root", root)
        if role != "root":
            self._next(role, self.newest(role))
            if role == "targets":
                self.refresh_snapshot()
            elif role == "snapshot":
                self.refresh_timestamp()

    def _next(self, role: str, metadata: Metadata) -> None:
        metadata.signed.version += 1
        metadata.signed.expires = self._expiry(role)
        self._write(role, metadata)

    def _write(self, role: str, metadata: Metadata) -> None:
        root = metadata if role == "root" else self.newest("root")
        self._sign(metadata, root.signed.roles[role].keyids, role)
        self._save(role, metadata)

    def _sign(self, metadata: Metadata, keyids: Iterable[str], role: str) -> None:
        wanted = set(keyids)
        found = [signer for signer in self.keys.all_of(role) if signer.public_key.keyid in wanted]
        metadata.signatures.clear()
        for signer in found:
            metadata.sign(signer, append=True)
        if len(found) < THRESHOLDS[role]:
            raise SystemExit(
                f"{len(found)} keys of {role} are in {self.keys.path}, and {THRESHOLDS[role]} must sign."
            )

    def _save(self, role: str, metadata: Metadata) -> None:
        name = "timestamp.json" if role == "timestamp" else f"{metadata.signed.version}.{role}.json"
        _replace(self._metadata / name, self._bytes(metadata))

    def _bytes(self, metadata: Metadata) -> bytes:
        return bytes(metadata.to_bytes())

    def _expiry(self, role: str) -> datetime.datetime:
        return self._time() + datetime.timedelta(days=DAYS[role])

    def _time(self) -> datetime.datetime:
        return (self._now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)

    @property
    def _metadata(self) -> Path:
        return self.path / "metadata"


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)
