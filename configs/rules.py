"""Rules between keys: what a single type cannot say. One rule, one function, found by its place in RULES."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from . import accounts, daytimes
from .schema import Settings

# What a rule finds: the key to blame and the whole sentence.
Finding = tuple[str, str]


def backoff_grows(settings: Settings) -> Iterator[Finding]:
    """The first wait cannot be longer than the longest."""
    supervisor = settings.supervisor
    if supervisor.backoff_initial_s > supervisor.backoff_max_s:
        yield (
            "supervisor.backoff_initial_s",
            f"supervisor.backoff_initial_s ({supervisor.backoff_initial_s:g} s) is longer than "
            f"supervisor.backoff_max_s ({supervisor.backoff_max_s:g} s)",
        )


def strategies_have_data(settings: Settings) -> Iterator[Finding]:
    """A strategy needs a market that data watches."""
    for name, instance in settings.strategy.instances.items():
        key = f"strategy.instances.{name}.{'symbols' if instance.symbols else 'symbol'}"
        for symbol in instance.markets if instance.enabled else ():
            venue = accounts.venue_of(settings, instance.account)
            own = venue == settings.data.exchange
            watched = settings.data.symbols if own else settings.data.venues.get(venue, [])
            if symbol not in watched:
                known, where = ", ".join(watched) or "it is empty", "symbols" if own else f"venues.{venue}"
                yield key, f"{key} is {symbol}, which data.{where} does not list ({known})"


def accounts_are_reachable(settings: Settings) -> Iterator[Finding]:
    """An account is on a venue whose prices are read, under a name that fits into the name of its process."""
    for name in settings.accounts:
        key, venue = f"accounts.{name}", accounts.venue_of(settings, name)
        if not re.fullmatch(accounts.NAME, name) or name == "all":
            yield key, f"{key} cannot be an account's name; take up to 11 of a-z, 0-9 and -, a letter first"
        elif venue != settings.data.exchange and (name == accounts.MAIN or venue not in settings.data.venues):
            known = ", ".join([settings.data.exchange, *settings.data.venues])
            hint = "main is on data.exchange" if name == accounts.MAIN else f"data reads {known}"
            yield f"{key}.venue", f"{key}.venue is {venue}, whose prices it cannot trade on; {hint}"


def accounts_have_keys_of_their_own(settings: Settings) -> Iterator[Finding]:
    """Two processes with one API key would take each other's orders for foreign ones."""
    seen: dict[tuple[str, str], str] = {}
    for name in accounts.names(settings):
        venue, key = accounts.venue_of(settings, name), accounts.key_of(settings, name)
        if venue.startswith("paper"):
            continue
        other = seen.setdefault((venue, key), name)
        if other != name:
            told = f"accounts.{name}.key is {key}, which is that of {other}; every account needs its own"
            yield f"accounts.{name}.key", told


def strategies_have_an_account(settings: Settings) -> Iterator[Finding]:
    """A strategy trades an account that there is."""
    known = accounts.names(settings)
    for name, instance in settings.strategy.instances.items():
        if instance.account not in known:
            key = f"strategy.instances.{name}.account"
            yield key, f"{key} is {instance.account}, which is no account; there are {', '.join(known)}"


def further_venues_are_others(settings: Settings) -> Iterator[Finding]:
    """data.venues adds venues to data.exchange, each with at least one market."""
    for exchange, symbols in settings.data.venues.items():
        if exchange == settings.data.exchange:
            told = f"data.venues names {exchange}, which is data.exchange; use data.symbols for it"
            yield "data.venues", told
        elif not symbols:
            yield "data.venues", f"data.venues.{exchange} lists no market; name one or take the venue out"


def database_url_holds_no_password(settings: Settings) -> Iterator[Finding]:
    """Passwords are secrets: settings are shown, exported and kept in a history."""
    parts = urlsplit(settings.database.url)
    if parts.password:
        yield (
            "database.url",
            "database.url holds a password; take it out and store it with "
            "`cryptobot secret set database.password`",
        )
    elif settings.database.url and parts.scheme not in ("postgresql", "postgres", "mariadb", "mysql"):
        yield "database.url", "database.url must begin with postgresql:// or mariadb://; empty takes SQLite"


def the_network_is_let_in_on_purpose(settings: Settings) -> Iterator[Finding]:
    """One changed address must not put a trading account on a network by accident."""
    dashboard = settings.dashboard
    if dashboard.host not in ("127.0.0.1", "::1", "localhost") and not dashboard.open_to_network:
        yield (
            "dashboard.host",
            f"dashboard.host {dashboard.host} lets every machine that reaches this address try to log in, "
            "and whoever succeeds moves your money. If you want that: change the first password, switch on a "
            "second factor, let a firewall admit only those who need it, and then set "
            "dashboard.open_to_network: true",
        )


def own_certificate_is_whole(settings: Settings) -> Iterator[Finding]:
    """A certificate is nothing without its key, and the other way round."""
    dashboard = settings.dashboard
    if bool(dashboard.certificate) != bool(dashboard.private_key):
        missing = "private_key" if dashboard.certificate else "certificate"
        yield f"dashboard.{missing}", f"dashboard.{missing} is missing: a certificate and its key go together"


def notify_times_are_times(settings: Settings) -> Iterator[Finding]:
    """Quiet hours, digests and their zone have to be understood before they are needed at night."""
    notify = settings.notify
    times = {
        "notify.quiet_from": [notify.quiet_from] if notify.quiet_from else [],
        "notify.quiet_until": [notify.quiet_until] if notify.quiet_until else [],
        "notify.digest_at": notify.digest_at,
    }
    for key, texts in times.items():
        for text in texts:
            try:
                daytimes.time_of(text)
            except ValueError as error:
                yield key, f"{key}: {error}"
    try:
        daytimes.zone_of(notify.timezone)
    except ValueError as error:
        yield "notify.timezone", f"notify.timezone: {error}"


def planned_reports_have_times(settings: Settings) -> Iterator[Finding]:
    """When a report is made has to be understood before it is due."""
    analytics = settings.analytics
    for name, plan in analytics.reports.items():
        try:
            daytimes.time_of(plan.at)
        except ValueError as error:
            yield f"analytics.reports.{name}.at", f"analytics.reports.{name}.at: {error}"
    try:
        daytimes.zone_of(analytics.timezone)
    except ValueError as error:
        yield "analytics.timezone", f"analytics.timezone: {error}"


RULES: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    the_network_is_let_in_on_purpose,
    own_certificate_is_whole,
    backoff_grows,
    strategies_have_data,
    strategies_have_an_account,
    accounts_are_reachable,
    accounts_have_keys_of_their_own,
    further_venues_are_others,
    database_url_holds_no_password,
    notify_times_are_times,
    planned_reports_have_times,
)


def broken(settings: Settings) -> list[Finding]:
    """Every rule that these settings break."""
    return [finding for rule in RULES for finding in rule(settings)]
