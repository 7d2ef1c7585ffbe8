"""The Flask application: pages and API. WebSockets and static files are answered before Flask (asgi.py)."""

from pathlib import Path
from typing import Any

import structlog
from flask import Flask, g

from ..bus.contracts.auth import permits
from ..configs import firstrun
from ..configs.paths import Home
from . import access, idempotency, problems
from .api import routes as api_routes
from .asgi import MAX_BODY_BYTES
from .assets import Assets
from .context import EXTENSION, Dashboard
from .gateway import Gateway
from .idempotency import Answers
from .jobs import Jobs
from .pages import account, login, providers, registry, setup
from .sessions import Sessions

ANSWERS = "cryptobot-answers"
TEMPLATES = Path(__file__).parent / "templates"


def create_app(
    gateway: Gateway,
    sessions: Sessions,
    assets: Assets,
    home: Home,
    log: structlog.typing.FilteringBoundLogger,
) -> Flask:
    """Make the application. It holds no state of its own and reads no environment."""
    app = Flask(
        "cryptobot.dashboard", instance_path=str(home.state / "dashboard"), static_folder=None,
        template_folder=str(TEMPLATES),
    )  # fmt: skip
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES, PROPAGATE_EXCEPTIONS=False, TEMPLATES_AUTO_RELOAD=False
    )
    app.extensions[EXTENSION] = Dashboard(
        home=home, gateway=gateway, sessions=sessions, assets=assets, log=log, jobs=Jobs(home)
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["static"] = assets.url
    app.jinja_env.globals["modules"] = assets.modules
    access.install(app, sessions, log)
    answers = Answers(home)
    app.extensions[ANSWERS] = answers
    idempotency.install(app, answers)
    problems.install(app)
    login.install(app)
    providers.install(app)
    account.install(app)
    setup.install(app)
    pages = registry.install(app)
    api_routes.install(app)

    @app.context_processor
    def common() -> dict[str, Any]:
        session = g.get("session")
        held = session.permissions if session is not None else []
        menu = [page for page in pages if permits(held, page.permission)] if held else []
        note = gateway.read_from_thread(lambda state: state.note)
        waits = "config.write" in held and firstrun.pending(home)
        return {"session": session, "menu": menu, "note": note, "waits": waits}

    return app
