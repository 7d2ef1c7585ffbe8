"""Login by another provider: against a real OpenID Connect provider (npm's oidc-provider) on loopback."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptobot.bus.contracts.auth import CheckSession, ListUsers
from cryptobot.bus.contracts.signin import BeginProviderLogin, FinishProviderLogin, ListProviders
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.schema import AuthSettings, Settings
from cryptobot.configs.sections.oidc import OidcProvider

SOURCE = Path(__file__).parent / "oidc_provider"
BACK = "https://localhost:8443/login/back"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running provider."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are not installed: they run the provider")
    folder = tmp_path_factory.mktemp("provider")
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm could not install the provider: {done.stderr[-300:]}")
    server = subprocess.Popen(
        [node, str(folder / "server.mjs"), BACK], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.kill()
    server.wait()


@pytest.fixture
def settings(issuer: str) -> Settings:
    """Two ways to the same provider: one for named accounts, one that makes accounts."""
    work = OidcProvider(
        title="Work", issuer=issuer, client_id="public", accounts={"ada@example.org": "admin"}
    )
    guests = OidcProvider(issuer=issuer, client_id="public", claim="sub", new_users_role="viewer")
    return Settings(auth=AuthSettings(providers={"work": work, "guests": guests}))


def at_the_provider(url: str, name: str) -> dict[str, str]:
    """Log in there as a person with a browser does, and consent; what comes back in the address."""
    browser = requests.Session()
    answer = browser.get(url, timeout=30)
    while True:
        uid = re.search(r'action="([^"]+)"', answer.text)
        assert uid is not None, answer.text
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        assert prompt is not None
        fields = {"prompt": prompt[1], "login": name, "password": "any"}
        answer = browser.post(uid[1], data=fields, allow_redirects=False, timeout=30)
        while answer.is_redirect:
            target = answer.headers["Location"]
            if target.startswith(BACK):
                return {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
            target = requests.compat.urljoin(answer.url, target)
            answer = browser.get(target, allow_redirects=False, timeout=30)


async def log_in(auth, name: str, provider: str = "work", **changed: str):
    """What a login as `name` comes to; `changed` says what an attacker puts in its place."""
    begun = await auth.ask(BeginProviderLogin(provider=provider, redirect_uri=BACK))
    back = await asyncio.to_thread(at_the_provider, begun.url, name)
    fields = {"ceremony": begun.ceremony, "state": back["state"], "code": back["code"], "issuer": back["iss"]}
    fields |= changed
    return await auth.ask(FinishProviderLogin(address="127.0.0.1", **fields))


def scene(running_auth, settings, story) -> None:
    """Run a story with auth and these settings."""

    async def run() -> None:
        async with running_auth(settings) as auth:
            await story(auth)

    asyncio.run(run())


def test_a_named_account_is_logged_in(running_auth, settings):
    """Code flow with PKCE to the end: the session is that of the account which the settings name."""

    async def story(auth):
        result = await log_in(auth, "ada")
        assert (await auth.ask(CheckSession(token=result.token))).user == "admin"

    scene(running_auth, settings, story)


def test_somebody_without_an_account_is_refused(running_auth, settings):
    """The provider says who it is, not that they may come in; the sentence says what an admin can do."""

    async def story(auth):
        result = await log_in(auth, "eve")
        assert (result.token, result.code) == ("", "account_unknown")
        assert "auth.providers.work.accounts" in result.reason

    scene(running_auth, settings, story)


def test_an_address_that_nobody_verified_does_not_count(running_auth, settings):
    """Else anybody could register somebody's address at a careless provider."""

    async def story(auth):
        result = await log_in(auth, "unverified-ada")
        assert result.code == "provider_failed"
        assert "has not verified" in result.reason

    scene(running_auth, settings, story)


def test_an_account_is_made_where_the_settings_allow_it(running_auth, settings):
    """Once, with the role of the settings; the second login finds it again."""

    async def story(auth):
        first, second = await log_in(auth, "bob", "guests"), await log_in(auth, "bob", "guests")
        assert (first.session.user, first.session.role, second.session.user) == ("bob", "viewer", "bob")
        assert [user.name for user in (await auth.ask(ListUsers())).users] == ["admin", "bob"]

    scene(running_auth, settings, story)


def test_nobody_takes_an_account_over_by_its_name(running_auth, settings):
    """Whoever is called admin at the provider does not become our admin."""

    async def story(auth):
        result = await log_in(auth, "admin", "guests")
        assert (result.token, result.code) == ("", "user_exists")

    scene(running_auth, settings, story)


def test_the_state_binds_the_answer_to_the_window_that_asked(running_auth, settings):
    """A code that an attacker slips into another window's login is refused."""

    async def story(auth):
        assert (await log_in(auth, "ada", state="guess")).code == "state_wrong"

    scene(running_auth, settings, story)


def test_a_code_cannot_be_invented(running_auth, settings):
    """The provider is asked, and its refusal is told."""

    async def story(auth):
        result = await log_in(auth, "ada", code="invented")
        assert (result.token, result.code) == ("", "provider_failed")

    scene(running_auth, settings, story)


def test_a_code_of_another_login_is_refused(running_auth, settings):
    """PKCE: only who began a login can end it."""

    async def story(auth):
        other = await auth.ask(BeginProviderLogin(provider="work", redirect_uri=BACK))
        stolen = await asyncio.to_thread(at_the_provider, other.url, "ada")
        assert (await log_in(auth, "ada", code=stolen["code"])).code == "provider_failed"

    scene(running_auth, settings, story)


@pytest.mark.parametrize("told", ["https://evil.example", ""])
def test_an_answer_in_the_name_of_another_provider_is_refused(running_auth, settings, told):
    """Mix-up (RFC 9207): the code of one provider is never taken to another."""

    async def story(auth):
        result = await log_in(auth, "ada", issuer=told)
        assert (result.token, result.code) == ("", "provider_failed")
        assert "is not of Work" in result.reason

    scene(running_auth, settings, story)


def test_a_refusal_of_the_provider_is_told(running_auth, settings):
    """Who clicks Cancel there reads so here."""

    async def story(auth):
        begun = await auth.ask(BeginProviderLogin(provider="work", redirect_uri=BACK))
        wish = FinishProviderLogin(
            ceremony=begun.ceremony,
            state=begun.state,
            address="127.0.0.1",
            error="access_denied",
            issuer=settings.auth.providers["work"].issuer,
        )
        assert "Work refused the login: access_denied" in (await auth.ask(wish)).reason

    scene(running_auth, settings, story)


def test_providers_are_listed_for_the_login_page(running_auth, settings):
    """By the titles of the settings."""

    async def story(auth):
        found = (await auth.ask(ListProviders())).providers
        assert [(one.name, one.title) for one in found] == [("work", "Work"), ("guests", "guests")]

    scene(running_auth, settings, story)


@pytest.mark.parametrize("wrong", ["http://127.0.0.1:9", "{issuer}/other"])
def test_a_provider_that_does_not_answer_is_named(running_auth, issuer, wrong):
    """The sentence says which address, or what the settings must say."""
    lost = OidcProvider(title="Lost", issuer=wrong.format(issuer=issuer), client_id="public")

    async def story(auth):
        with pytest.raises(RequestFailedError, match=r"Lost cannot be reached at http"):
            await auth.ask(BeginProviderLogin(provider="lost", redirect_uri=BACK))

    scene(running_auth, Settings(auth=AuthSettings(providers={"lost": lost})), story)
