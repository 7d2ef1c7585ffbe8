"""Add-ons in a home: put in place in one step, replaced, verified, removed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptobot.configs import addons as path_of_addons
from cryptobot.configs.errors import SettingsError, UsageError
from cryptobot.configs.paths import Home
from cryptobot.supervisor.install import addons, bundle, signature

Make = Callable[..., Path]


def pack(strategy_file: Path, home: Home, *, version: str = "1.0") -> Path:
    folder = strategy_file.parent / "out"
    return bundle.pack(strategy_file, folder, version=version, key=signature.own_key(home))


def names(home: Home) -> list[str]:
    return sorted(path.name for path in (home.root / "addons").iterdir() if path.name != ".lock")


def test_an_untrusted_signer_is_refused(strategy_file: Path, home: Home, other: Home) -> None:
    """The sentence names the key; once it is trusted the same file is taken."""
    file = pack(strategy_file, other)
    key = signature.public_text(signature.own_key(other))
    with pytest.raises(UsageError, match=f"whom this home does not trust.*--trust {key}"):
        addons.install(home, file)
    assert addons.list_all(home) == []

    signature.trust(home, key, "a friend")
    receipt, before = addons.install(home, file)

    assert (receipt.signer, receipt.provides, before) == (key, {"strategies": ("my-idea",)}, None)
    assert (home.keys / "addon-trust.json").stat().st_mode & 0o077 == 0


def test_bytecode_lies_beside_every_module(strategy_file: Path, home: Home) -> None:
    """A frozen program writes none; what is there is used only while the source is the same."""
    addons.install(home, pack(strategy_file, home))
    [cached] = (home.root / "addons").rglob("*.pyc")

    assert int.from_bytes(cached.read_bytes()[4:8], "little") == 0b11


def test_services_see_it(strategy_file: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on the path of a service, and what is hidden or half done is not."""
    addons.install(home, pack(strategy_file, home))
    (home.root / "addons" / ".new-half").mkdir()
    monkeypatch.setattr("sys.path", [])

    assert [path.name for path in path_of_addons.use(home)] == ["cryptobot-strategy-my-idea-1.0"]


def test_a_newer_one_takes_the_place_of_the_older(strategy_file: Path, home: Home) -> None:
    """One folder stays."""
    addons.install(home, pack(strategy_file, home))
    receipt, before = addons.install(home, pack(strategy_file, home, version="1.1"))

    assert (receipt.version, before and before.version) == ("1.1", "1.0")
    assert names(home) == ["cryptobot-strategy-my-idea-1.1"]
    assert addons.install(home, pack(strategy_file, home, version="1.1"))[1] is not None


def test_code_that_does_not_compile_is_not_installed(make_wheel: Make, home: Home) -> None:
    """The file and the line are told, and nothing is left."""
    wheel = make_wheel(files={"broken.py": "def f(:\n"})
    bundle.sign_file(wheel, signature.own_key(home))

    with pytest.raises(UsageError, match=r"broken\.py of the add-on is no Python"):
        addons.install(home, wheel)
    assert addons.list_all(home) == []


@pytest.mark.parametrize("new_stands", [True, False])
def test_a_crash_in_the_swap_loses_nothing(strategy_file: Path, home: Home, new_stands: bool) -> None:
    """The old one comes back unless the new one stands; half-unpacked folders are swept."""
    addons.install(home, pack(strategy_file, home))
    folder = home.root / "addons"
    old = folder / "cryptobot-strategy-my-idea-1.0"
    shutil.copytree(old, folder / ".new-cryptobot-strategy-my-idea-1.1")
    if new_stands:
        shutil.copytree(old, folder / "cryptobot-strategy-my-idea-1.1")
    old.rename(folder / f".old-{old.name}")

    with pytest.raises(UsageError, match="There is no installed add-on 'x'"):
        addons.remove(home, "x")

    assert names(home) == [f"cryptobot-strategy-my-idea-{'1.1' if new_stands else '1.0'}"]


def test_two_addons_with_one_name_are_refused(make_wheel: Make, home: Home) -> None:
    """A module or a strategy that another add-on brings already would hide it."""
    points = "[cryptobot.strategies]\nsame = one_code:X\n"
    addons.install(home, make_signed(make_wheel("one", entry_points=points), home))

    with pytest.raises(UsageError, match="brings strategies called same, and so does one"):
        addons.install(home, make_signed(make_wheel("two", entry_points=points), home))
    with pytest.raises(UsageError, match="a module one_code, which one has already"):
        addons.install(home, make_signed(make_wheel("three", files={"one_code.py": ""}), home))


def make_signed(wheel: Path, home: Home) -> Path:
    bundle.sign_file(wheel, signature.own_key(home))
    return wheel


def test_verify_names_what_was_changed(strategy_file: Path, home: Home) -> None:
    """A changed source, changed bytecode, an added file and a lost one."""
    addons.install(home, pack(strategy_file, home))
    [one] = addons.list_all(home)
    assert addons.verify(home, one) == []

    source = one.path / "cryptobot_strategy_my_idea.py"
    source.write_text("import os\n")
    (one.path / "sitecustomize.py").write_text("")
    cached = next(one.path.rglob("*.pyc"))
    cached.write_bytes(b"x")
    next(one.path.rglob("WHEEL")).unlink()

    told = " ".join(addons.verify(home, one))
    assert "my_idea.py was changed." in told
    assert f"{cached.name} was changed." in told
    assert "sitecustomize.py was added." in told
    assert "WHEEL is missing." in told


def test_verify_asks_for_the_signer(strategy_file: Path, home: Home, other: Home) -> None:
    """A key that is trusted no more, and a folder that somebody put there, are told."""
    key = signature.public_text(signature.own_key(other))
    signature.trust(home, key, "")
    addons.install(home, pack(strategy_file, other))
    signature.distrust(home, key)
    (home.root / "addons" / "by-hand").mkdir()
    by_hand, installed = addons.list_all(home)

    assert "nobody vouches" in addons.verify(home, by_hand)[0]
    assert "is not trusted (any more)" in addons.verify(home, installed)[0]
    with pytest.raises(UsageError, match="is not among the trusted ones"):
        signature.distrust(home, key)


def test_a_damaged_list_of_keys_trusts_nobody(strategy_file: Path, home: Home) -> None:
    """The file is named."""
    file = pack(strategy_file, home)
    (home.keys / "addon-trust.json").write_text("[{")
    with pytest.raises(SettingsError, match=r"addon-trust\.json cannot be read"):
        addons.install(home, file)


def test_a_removed_addon_is_gone(strategy_file: Path, home: Home) -> None:
    """Its folder with it."""
    addons.install(home, pack(strategy_file, home))

    assert addons.remove(home, "cryptobot-strategy-my-idea").version == "1.0"
    assert names(home) == []


def test_a_bundle_is_known_by_its_strategy_too(strategy_file: Path, home: Home) -> None:
    """The name that people chose for it removes it; another one names what there is."""
    addons.install(home, pack(strategy_file, home))

    with pytest.raises(UsageError, match="there are: cryptobot-strategy-my-idea"):
        addons.remove(home, "idea")
    assert addons.remove(home, "my-idea").name == "cryptobot-strategy-my-idea"
    assert names(home) == []
