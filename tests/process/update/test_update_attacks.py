"""What is believed of an update address, over a real HTTP server: attacks, breaks, rotations."""

import datetime
import shutil

import pytest
from cryptobot.configs.errors import CryptoBotError
from release_repository import KeyFolder, Repository


def nothing_changed(signed):
    """No version arrived, no archive is ready, the one in use runs."""
    assert signed.folder.current() == "0.0.1"
    assert signed.folder.read_ready() is None
    assert signed.folder.installed() == ["0.0.1"]


def test_a_good_update_is_found_downloaded_and_verified(signed):
    """The newest version with its notes and size, then its archive; only then it is ready."""
    offer = signed.check()
    assert (offer.version, offer.notes) == ("2.0.0", "Notes of 2.0.0")
    told = []
    ready = signed.download(told.append)
    assert ready.version == "2.0.0"
    assert ready.length == offer.length > 300_000
    assert signed.folder.read_ready() == ready
    assert told[-1].done_bytes == told[-1].all_bytes == offer.length
    signed.server.asked.clear()
    assert signed.download() == ready
    assert not [path for path, _ in signed.server.asked if path.endswith(".tar.gz")]


def test_only_version_system_and_address_are_told(signed):
    """Requests are plain GETs with one agent's name: no cookie, no id, no Python, no language."""
    signed.download()
    for _path, headers in signed.server.asked:
        sent = {name.lower() for name in headers}
        assert sent <= {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert headers["User-Agent"].startswith("cryptobot/")


def test_an_older_version_is_no_update(signed, monkeypatch):
    """A signed version that is older than the program is not downloaded."""
    from cryptobot.services.update import client

    monkeypatch.setattr(client, "__version__", "3.0.0")
    assert signed.download() is None
    nothing_changed(signed)


def test_a_channel_without_a_version_is_said(signed):
    """What is not published for this system is named."""
    with pytest.raises(CryptoBotError, match="there is no version for this system"):
        signed.check("beta")


def test_a_tampered_archive_is_thrown_away(signed):
    """Bytes that are not the signed ones never become an archive that is ready."""
    real = next((signed.top / "repository").rglob("*.tar.gz")).read_bytes()
    signed.server.instead[".tar.gz"] = real[:-1] + bytes([real[-1] ^ 1])
    with pytest.raises(CryptoBotError, match="is not the one that was signed"):
        signed.download()
    nothing_changed(signed)
    assert list(signed.folder.downloads.rglob("*.part")) == []


def test_a_tampered_description_is_refused(signed):
    """A byte of signed metadata that was changed breaks its signature."""
    path = signed.top / "repository" / "metadata" / "timestamp.json"
    signed.server.instead["timestamp.json"] = path.read_bytes().replace(b'"version":2', b'"version":9')
    with pytest.raises(CryptoBotError, match="not signed by those whom this program trusts"):
        signed.check()


def test_a_repository_with_other_keys_is_refused(signed):
    """Somebody else's repository, complete and well signed, is not believed."""
    other = Repository(signed.top / "other", KeyFolder(signed.top / "other-keys", b""))
    other.begin()
    signed.show(signed.top / "other")
    with pytest.raises(CryptoBotError, match="not signed by those whom this program trusts"):
        signed.check()
    nothing_changed(signed)


def test_an_older_repository_is_refused(signed):
    """Rollback: once a newer state was seen, an older one is not believed again."""
    old = signed.keep("old")
    signed.publish("2.1.0")
    assert signed.check().version == "2.1.0"
    signed.show(old)
    with pytest.raises(CryptoBotError, match="older state than it did before"):
        signed.check()


def test_news_cannot_be_held_back(signed):
    """Freeze: a timestamp that is older than a day is not believed."""
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    Repository(signed.top / "repository", signed.keys, past).refresh_timestamp()
    with pytest.raises(CryptoBotError, match="too old to be believed"):
        signed.check()
    nothing_changed(signed)


def test_parts_of_two_states_are_refused(signed):
    """Mix-and-match: a new timestamp with an old snapshot under the new one's name."""
    metadata = signed.top / "repository" / "metadata"
    before = signed.repository.newest("snapshot").signed.version
    signed.publish("2.1.0")
    shutil.copy(metadata / f"{before}.snapshot.json", metadata / f"{before + 1}.snapshot.json")
    with pytest.raises(CryptoBotError, match=r"older state|does not fit together"):
        signed.check()
    nothing_changed(signed)


def test_old_targets_under_a_new_name_are_refused(signed):
    """Mix-and-match: the targets of before are not those that the snapshot names."""
    metadata = signed.top / "repository" / "metadata"
    before = signed.repository.newest("targets").signed.version
    signed.publish("2.1.0")
    shutil.copy(metadata / f"{before}.targets.json", metadata / f"{before + 1}.targets.json")
    with pytest.raises(CryptoBotError, match=r"older state|does not fit together"):
        signed.check()


@pytest.mark.parametrize("part", ["timestamp.json", ".snapshot.json", ".tar.gz", "linux"])
def test_endless_data_is_cut_off(signed, part):
    """Nothing is read beyond what metadata may hold or what the signed description promises."""
    signed.server.endless.add(part)
    with pytest.raises(CryptoBotError, match="sends more than"):
        signed.download()
    nothing_changed(signed)
    assert sum(path.stat().st_size for path in signed.folder.downloads.rglob("*") if path.is_file()) == 0


def test_an_interrupted_download_is_gone_on_with(signed):
    """What arrived is kept; only the rest is asked for the next time."""
    signed.server.cut[".tar.gz"] = 100_000
    with pytest.raises(CryptoBotError, match=r"broke off|cannot be reached"):
        signed.download()
    part = next(signed.folder.downloads.glob("*.part"))
    there = part.stat().st_size
    assert 0 < there <= 100_000
    signed.server.cut.clear()
    signed.server.asked.clear()
    assert signed.download().version == "2.0.0"
    ranges = [headers.get("Range") for path, headers in signed.server.asked if path.endswith(".tar.gz")]
    assert ranges == [f"bytes={there}-"]


def test_a_server_without_ranges_begins_anew(signed):
    """A server that sends the whole file again is taken at its word, from the first byte."""
    signed.server.cut[".tar.gz"] = 100_000
    with pytest.raises(CryptoBotError):
        signed.download()
    signed.server.cut.clear()
    signed.server.ranges = False
    assert signed.download().version == "2.0.0"


def test_a_foreign_beginning_is_found(signed):
    """A part that is not of this file makes the whole fail its check, and the next try begins anew."""
    offer = signed.check()
    part = signed.folder.downloads / (offer.target.rpartition("/")[2] + ".part")
    part.write_bytes(b"z" * 1000)
    with pytest.raises(CryptoBotError, match="is not the one that was signed"):
        signed.download()
    assert signed.download().version == "2.0.0"


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_keys_are_rotated(signed, role):
    """An old installation follows from root to root, and believes what the new keys sign."""
    signed.check()
    signed.repository.rotate(role)
    if role == "root":
        signed.repository.rotate(role)
    signed.publish("2.1.0")
    assert signed.check().version == "2.1.0"


def test_a_root_with_too_few_signatures_is_refused(signed):
    """One of the two keys that must sign a root does not suffice."""
    signed.repository.rotate("timestamp")
    root = signed.repository.newest("root")
    root.signatures.pop(next(iter(root.signatures)))
    root.signatures.pop(next(iter(root.signatures)))
    root.to_file(str(signed.top / "repository" / "metadata" / "2.root.json"))
    with pytest.raises(CryptoBotError, match="not signed by those whom this program trusts"):
        signed.check()
    nothing_changed(signed)


def test_targets_with_too_few_signatures_are_refused(signed):
    """Both keys of targets must sign."""
    targets = signed.repository.newest("targets")
    targets.signatures.pop(next(iter(targets.signatures)))
    name = f"{targets.signed.version}.targets.json"
    targets.to_file(str(signed.top / "repository" / "metadata" / name))
    with pytest.raises(CryptoBotError, match="not signed by those whom this program trusts"):
        signed.check()


def test_no_server_is_one_sentence(signed):
    """An address that nobody answers is said as such."""
    signed.server.folder = signed.top / "nowhere"
    with pytest.raises(CryptoBotError, match="cannot be reached"):
        signed.check()


def test_without_a_first_root_nothing_is_believed(signed):
    """The root that came with the program is the one thing that cannot be fetched."""
    (signed.folder.trust / "root.json").unlink()
    with pytest.raises(CryptoBotError, match=r"root\.json is missing"):
        signed.check()
