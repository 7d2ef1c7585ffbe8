"""What the routes work with, reachable from the application."""

from dataclasses import dataclass
from typing import cast

import structlog
from flask import current_app, g

from ..bus.contracts.auth import Session
from ..configs.paths import Home
from .assets import Assets
from .gateway import Gateway
from .jobs import Jobs
from .sessions import Sessions

EXTENSION = "cryptobot"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The parts that live as long as the process."""

    home: Home
    gateway: Gateway
    sessions: Sessions
    assets: Assets
    log: structlog.typing.FilteringBoundLogger
    jobs: Jobs


def dashboard() -> Dashboard:
    """The parts, from within a request."""
    return cast(Dashboard, current_app.extensions[EXTENSION])


def session() -> Session:
    """The caller's session; only in routes that are not public."""
    return cast(Session, g.session)
