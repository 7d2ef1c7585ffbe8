"""An update from the archive to the confirmed version, and every way in which it ends otherwise."""

import json
import os
import shutil
import subprocess

import msgspec
import pytest
from cryptobot.configs.errors import CryptoBotError, NotRunningError
from cryptobot.configs.programfolder import Progress
from cryptobot.supervisor.versions import journal
from cryptobot.supervisor.versions.apply import Wish, apply, roll_back

ANN = Wish(actor="ann")


def test_a_good_update(world):
    """Unpacked, tried on copies, handed over, watched, confirmed; trading rests meanwhile, then goes on."""
    ready = world.offer()
    apply(world.trial(), ready, ANN)
    assert world.assert_whole("2.0.0") == "2.0.0"
    last = world.folder.read_last()
    assert (last.result, last.version, last.previous) == ("confirmed", "2.0.0", "1.0.0")
    calls = world.platform.calls
    moved = ["replace 2.0.0", "reload", "restart bus", "restart trade", "restart strategy"]
    assert calls == ["trading REDUCING", *moved, "trading ACTIVE"]
    assert world.folder.read_ready() is None
    backup = next((world.home.state / "backups" / "updates").iterdir())
    assert sorted(path.name for path in backup.iterdir()) == ["config.yaml", "trade-v1-now.sqlite"]


def test_what_is_older_or_equal_is_refused(world):
    """A version is only ever replaced by a newer one, unless a person rolls back."""
    for version in ("0.9.0", "1.0.0"):
        with pytest.raises(CryptoBotError, match=r"not newer than 1\.0\.0"):
            apply(world.trial(), world.offer(version), ANN)
    world.assert_whole("1.0.0")


def test_an_archive_that_changed_on_the_disk_is_refused(world):
    """It is checked again before it is unpacked, and thrown away."""
    ready = world.offer()
    path = world.folder.downloads / ready.file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CryptoBotError, match="is not the file that was downloaded"):
        apply(world.trial(), ready, ANN)
    world.assert_whole("1.0.0")
    assert not path.exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("version", "--version` failed with code 1: no such library"),
        ("name", "calls itself 'cryptobot 9.9.9' instead of 2.0.0"),
        ("migrate", "db migrate` failed with code 1: a column cannot be added"),
        ("paper", "config check` failed with code 1: config.yaml cannot be read"),
    ],
)
def test_a_version_that_fails_its_trial_on_copies_never_runs(world, fault, words):
    """Nothing of the home was touched, and the reason is what the program said."""
    with pytest.raises(CryptoBotError) as told:
        apply(world.trial(), world.offer(fault=fault), ANN)
    assert words in str(told.value)
    world.assert_whole("1.0.0")
    assert world.folder.read_last().result == "cancelled"
    assert "replace 2.0.0" not in world.platform.calls


def test_a_version_whose_service_does_not_become_ready_is_taken_back(world):
    """Failed health check: everything runs as before, with the rows that were written meanwhile."""
    world.platform.bad = ("trade", "2.0.0")
    with pytest.raises(CryptoBotError, match=r"back, 1\.0\.0 runs again: trade did not become ready"):
        apply(world.trial(trial_s=0), world.offer(), ANN)
    world.assert_whole("1.0.0")
    last = world.folder.read_last()
    assert (last.result, last.reason) == ("rolled-back", "trade did not become ready.")
    assert world.platform.calls[-5:-3] == ["stop trade", "restart trade"]


def test_a_version_that_loses_an_order_is_taken_back(world, monkeypatch):
    """Orders that were open before have to be known afterwards."""
    monkeypatch.setattr(world.platform, "known_orders", set)
    with pytest.raises(CryptoBotError, match="does not know its orders any more: o1"):
        apply(world.trial(), world.offer(), ANN)
    world.assert_whole("1.0.0")


def test_a_version_that_does_not_boot_is_taken_back(world):
    """The supervisor of the new version never answers: the one before is started again."""
    with pytest.raises(CryptoBotError, match="taken back"):
        apply(world.trial(), world.offer(fault="boot"), ANN)
    world.assert_whole("1.0.0")


def test_the_stub_takes_back_what_does_not_boot(world):
    """Without any help of ours: after three starts that came to nothing, the stub uses the version before."""
    world.offer(fault="boot")
    trial = world.trial()
    ready = world.folder.read_ready()

    def die(_version):
        raise KeyboardInterrupt

    world.platform.replace = die
    with pytest.raises(KeyboardInterrupt):
        apply(trial, ready, ANN)
    assert world.folder.current() == "2.0.0"
    words = [world.folder.stub, "--home", str(world.home.root), "service", "run", "supervisor"]
    for _ in range(3):
        assert subprocess.run(words, capture_output=True, check=False).returncode == 1
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "CryptoBot 2.0.0 did not start well; 1.0.0 is used again." in done.stderr
    del world.platform.replace
    assert world.folder.current() == "1.0.0"
    assert trial.resume().to == "2.0.0"
    world.assert_whole("1.0.0")
    last = world.folder.read_last()
    assert (last.result, last.reason) == ("rolled-back", "version 2.0.0 did not start")


def test_other_commands_are_no_starts(world):
    """`status`, `--version` and the like do not count as starts of a trial."""
    world.offer()
    update = journal.Update("2.0.0", "1.0.0", str(world.home.root), "", "ann")
    shutil.copytree(world.top / "source-2.0.0", world.folder.folder_of("2.0.0"))
    journal.begin(world.folder, update)
    world.folder.point_to("2.0.0")
    for _ in range(5):
        assert world.says("--version") == "cryptobot 2.0.0"
    assert not world.folder.boots.exists()


def test_the_stub_is_found_through_links(world):
    """A link in another folder, also to a link, starts the program as well."""
    (world.top / "bin").mkdir()
    (world.top / "bin" / "first").symlink_to("../program/cryptobot")
    (world.top / "second").symlink_to(world.top / "bin" / "first")
    for link in ("bin/first", "second"):
        done = subprocess.run([world.top / link, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == "cryptobot 1.0.0\n"


def test_a_broken_pointer_is_explained(world):
    """A file `current` that names nothing is said, with what there is."""
    (world.folder.root / "current").write_text("nonsense\n")
    assert "names no version" in world.says("--version")
    with pytest.raises(CryptoBotError, match=r"write one of 1\.0\.0 into it"):
        world.folder.current()


def test_an_unprotected_position_is_waited_for(world):
    """While a position is bare the update waits; given up, nothing was changed and trading never rested."""
    world.platform.change(held="1")
    with pytest.raises(CryptoBotError, match="given up after 0 s: BTC/USDT is held without a stop"):
        apply(world.trial(), world.offer(), ANN)
    world.assert_whole("1.0.0")
    assert world.platform.calls == []
    apply(world.trial(), world.offer("2.1.0"), Wish(actor="ann", anyway=True))
    world.assert_whole("2.1.0")


def test_dust_is_no_position(world):
    """What is too small for any venue's stop holds no update up."""
    world.platform.change(held="0.09")
    apply(world.trial(), world.offer(), ANN)
    world.assert_whole("2.0.0")


@pytest.mark.parametrize("name", ["../outside", "/outside", "link"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(world, name):
    """No entry is written beside the version, also where Python does not look itself."""
    import hashlib
    import io
    import tarfile

    ready = world.offer()
    path = world.folder.downloads / ready.file
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(name)
        if name == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "../../../outside"
            archive.addfile(entry)
        else:
            entry.size = 3
            archive.addfile(entry, io.BytesIO(b"abc"))
    data = path.read_bytes()
    bad = msgspec.structs.replace(ready, length=len(data), sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(CryptoBotError, match="leads out of it"):
        apply(world.trial(), bad, ANN)
    world.assert_whole("1.0.0")
    assert not list(world.top.rglob("outside"))


def test_a_position_that_is_opened_at_the_last_moment_is_seen(world):
    """After trading rests one more look is taken; what was opened in between makes the update wait again."""
    set_trading = world.platform.set_trading

    def opens(state, reason):
        set_trading(state, reason)
        world.platform.change(held="1")

    world.platform.set_trading = opens
    with pytest.raises(CryptoBotError, match="is held without a stop"):
        apply(world.trial(), world.offer(), ANN)
    world.assert_whole("1.0.0")
    assert world.platform.calls == ["trading REDUCING", "trading ACTIVE"]


def test_a_halt_of_a_person_stays(world):
    """Who halted trading before the update finds it halted after it."""
    world.platform.change(trading="HALTED")
    apply(world.trial(), world.offer(), ANN)
    assert world.platform.read()["trading"] == "HALTED"


def test_a_halt_during_the_trial_stays(world):
    """A person may halt while the new version is tried; the update does not undo that."""
    reload = world.platform.reload

    def halts():
        reload()
        world.platform.change(trading="HALTED")

    world.platform.reload = halts
    apply(world.trial(), world.offer(), ANN)
    assert world.platform.read()["trading"] == "HALTED"


def test_a_platform_that_does_not_run_is_not_updated(world):
    """Nobody could see whether the new version works."""
    world.platform.change(services={})
    with pytest.raises(NotRunningError, match="cryptobot up -d"):
        apply(world.trial(), world.offer(), ANN)


def test_tables_on_a_server_are_not_migrated_by_an_update(world):
    """They could not be taken back: the update says so and changes nothing."""
    with pytest.raises(CryptoBotError, match="on a database server"):
        apply(world.trial(), world.offer(), Wish(actor="ann", server=True))
    world.assert_whole("1.0.0")


def test_a_person_goes_back(world):
    """The version before, with tables that it can read and all rows; there is no second step back."""
    apply(world.trial(), world.offer(), ANN)
    roll_back(world.trial(), "ann")
    world.assert_whole("1.0.0")
    assert world.folder.read_last().reason == "ann asked for it"
    with pytest.raises(CryptoBotError, match=r"no version before 1\.0\.0"):
        roll_back(world.trial(), "ann")


def test_a_failed_try_does_not_hide_the_way_back(world):
    """After a confirmed update and one that failed, a person can still go back to the version before."""
    apply(world.trial(), world.offer(), ANN)
    with pytest.raises(CryptoBotError):
        apply(world.trial(), world.offer("3.0.0", fault="version"), ANN)
    assert world.folder.before("2.0.0").previous == "1.0.0"


def test_old_versions_and_backups_are_removed(world):
    """Only so many stay, the one in use and the one before always."""
    for version in ("2.0.0", "2.1.0", "2.2.0", "2.3.0"):
        apply(world.trial(keep=2), world.offer(version), ANN)
    assert world.folder.installed() == ["2.2.0", "2.3.0"]


def test_settings_that_the_old_version_cannot_read_are_put_back(world):
    """Only then: what a person changed during the trial stays otherwise."""
    shutil.rmtree(world.folder.folder_of("1.0.0"))
    program = world.top / "one" / "cryptobot"
    program.write_text(program.read_text().replace("'1.0.0', 1, '-'", "'1.0.0', 1, 'new-key'"))
    shutil.copytree(world.top / "one", world.folder.folder_of("1.0.0"))
    world.platform.bad = ("trade", "2.0.0")
    reload = world.platform.reload

    def writes():
        reload()
        world.home.config_file.write_text("profile: paper\nnew-key : 1\n")

    world.platform.reload = writes
    with pytest.raises(CryptoBotError, match="taken back"):
        apply(world.trial(trial_s=0), world.offer(), ANN)
    world.assert_whole("1.0.0")


def test_progress_is_told_and_forgotten(world):
    """Each step is told; progress of a process that died counts as none."""
    apply(world.trial(), world.offer(), ANN)
    told = [step.step for step in world.steps]
    assert told[0] == "Unpacking 2.0.0"
    assert "Trying the new version on copies of the databases" in told
    assert told[-1] == "Confirming"
    world.folder.write_progress(Progress(state="trial", pid=os.getpid()))
    assert world.folder.read_progress().state == "trial"
    (world.folder.root / "progress.json").write_text(json.dumps({"state": "trial", "pid": 0}))
    assert world.folder.read_progress().state == "idle"


def test_only_one_update_at_a_time(world):
    """A second one is refused with a sentence while the first holds the lock."""
    with journal.alone(world.folder):
        second = journal.alone(world.folder)
        with pytest.raises(CryptoBotError, match="under way already"):
            second.__enter__()
