"""Login by another provider as the browser sees it: away, back, and whose window it was."""

import asyncio
from collections.abc import Callable
from typing import Any

from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import LoginResult
from cryptobot.bus.contracts.signin import (
    BeginProviderLogin,
    FinishProviderLogin,
    ListProviders,
    Provider,
    ProviderLogin,
    Providers,
)

MakeRig = Callable[[], Any]


async def with_provider(make_rig: MakeRig) -> Any:
    """A rig whose auth knows one provider; `rig.asked` collects what it heard."""
    rig = await make_rig()
    rig.asked = []

    def begin(request: Request[BeginProviderLogin]) -> ProviderLogin:
        rig.asked.append(request.message)
        return ProviderLogin(url="https://id.example/authorize?x=1", state="s", ceremony="only-here")

    def finish(request: Request[FinishProviderLogin]) -> LoginResult:
        rig.asked.append(request.message)
        if request.message.code != "right" or request.message.ceremony != "only-here":
            return LoginResult(token="", session=None, code="provider_failed", reason="Work said no.")
        return LoginResult(token="good", session=rig.auth.sessions["good"])

    bus = rig.auth.bus
    listed = Providers(providers=[Provider(name="work", title="Our company")])
    bus.serve(ListProviders, lambda request: listed)
    bus.serve(BeginProviderLogin, begin)
    bus.serve(FinishProviderLogin, finish)
    return rig


async def test_the_login_page_offers_the_providers(make_rig: MakeRig) -> None:
    """By their titles, as links."""
    rig = await with_provider(make_rig)

    page = (await rig.call("GET", "/login", holder="")).text

    assert '<a class="button" href="/login/with/work">Log in with Our company</a>' in page


async def test_the_browser_is_sent_to_the_provider_with_a_cookie_of_its_own(make_rig: MakeRig) -> None:
    """The provider sends it back to the address under which it came; scripts do not see the cookie."""
    rig = await with_provider(make_rig)

    away = await rig.call("GET", "/login/with/work", holder="")

    assert (away.status_code, away.headers["Location"]) == (302, "https://id.example/authorize?x=1")
    assert rig.asked[0].redirect_uri == "https://localhost:8443/login/back"
    cookie = next(text for text in away.headers.getlist("Set-Cookie") if "provider" in text)
    assert all(word in cookie for word in ("__Host-provider=only-here", "HttpOnly", "Secure", "SameSite=Lax"))


async def test_who_comes_back_is_logged_in_by_a_page_of_our_own(make_rig: MakeRig) -> None:
    """A redirect would arrive without the session's cookie, which other sites' journeys do not carry."""
    rig = await with_provider(make_rig)
    client = rig.client("")
    client.set_cookie("__Host-provider", "only-here", domain="localhost", secure=True)

    page = await asyncio.to_thread(
        client.get, "/login/back?code=right&state=s", base_url="https://localhost:8443"
    )

    assert page.status_code == 200
    assert 'content="0; url=/"' in page.text
    assert any(text.startswith("__Host-session=good;") for text in page.headers.getlist("Set-Cookie"))


async def test_an_answer_in_another_window_is_refused(make_rig: MakeRig) -> None:
    """Without the cookie of the window that began, auth says no and the person reads why."""
    rig = await with_provider(make_rig)

    page = await rig.call("GET", "/login/back?code=right&state=s", holder="")

    assert (page.status_code, "Work said no." in page.text) == (403, True)
    assert not any("session" in text for text in page.headers.getlist("Set-Cookie"))
