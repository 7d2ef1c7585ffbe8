"""config.yaml as a text: checked while it is written, compared, saved, exported; and texts to start from."""

from flask import Flask, Response

from ...configs.errors import SettingsError
from ..access import requires
from ..context import dashboard, session
from ..problems import ApiProblem
from .answers import PREFIX, answer, body
from .guarded import demand_rights_for_text
from .settings import put_in_force
from .shapes import Saved
from .text_shapes import SettingsCheck, SettingsText, Template, Templates, Wrong

_FIRST = ("trend-follower", "dip-buyer", "grid-trader", "steady-saver")


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/settings/check", "api_check_settings", check, methods=["POST"])
    add(f"{PREFIX}/settings/text", "api_put_settings", put, methods=["POST"])
    add(f"{PREFIX}/settings/templates", "api_templates", show_templates, methods=["GET"])
    add(f"{PREFIX}/settings/export", "api_export_settings", export, methods=["GET"])


@requires("config.read")
def check() -> Response:
    """What is wrong in this text, line by line, and what it would change. Nothing is written."""
    from ...configs import edit, history

    wanted, home = body(SettingsText), dashboard().home
    try:
        present = edit.current(home).text
    except SettingsError as error:
        raise ApiProblem(409, "settings_broken", str(error)) from error
    faults = _faults(wanted.text)
    difference = history.difference(present, wanted.text, "in force", "edited")
    return answer(SettingsCheck(ok=not faults, faults=faults, difference=difference))


def _faults(text: str) -> list[Wrong]:
    from ...configs import edit
    from ...configs.problems import WrongSettingsError

    try:
        edit.check_text(dashboard().home, text)
    except WrongSettingsError as error:
        return [
            Wrong(line=one.origin.line, column=one.origin.column, key=one.key, message=one.text)
            for one in error.problems
        ]
    except SettingsError as error:
        return [Wrong(line=0, column=0, key="", message=str(error))]
    return []


@requires("config.write")
def put() -> Response:
    """Make this text config.yaml; refused whole when anything in it is wrong."""
    from ...configs import edit

    wanted = body(SettingsText)
    demand_rights_for_text(wanted.text)
    try:
        made = edit.put_text(
            dashboard().home, wanted.text, actor=session().user, source="dashboard", expected=wanted.expected
        )
    except SettingsError as error:
        raise ApiProblem(409, "settings_refused", str(error)) from error
    if made is None:
        return answer(Saved(message="It was so already.", revision=None))
    return answer(Saved(message=f"Saved. {put_in_force()}", revision=made.number))


@requires("config.read")
def show_templates() -> Response:
    """Bundled texts to start from."""
    return answer(Templates(templates=templates()))


def templates() -> list[Template]:
    """The bundled texts, the usual one first."""
    from ...configs.exchange import template, template_names

    names = sorted(
        template_names(), key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)
    )
    texts = {name: template(name) for name in names}
    return [
        Template(
            name=name, title=name.replace("-", " ").capitalize(), about=_about(text), text=text
        )
        for name, text in texts.items()
    ]  # fmt: skip


def _about(text: str) -> str:
    """The first sentences at the head of a template, without the title that repeats its name."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#") or line.startswith("#  "):
            break
        lines.append(line.lstrip("# ").strip())
    said = " ".join(lines)
    _, colon, rest = said.partition(": ")
    return f"{rest[:1].upper()}{rest[1:]}" if colon else said


@requires("config.read")
def export() -> Response:
    """What differs from the defaults, as YAML for another home. Never with secrets."""
    from ...configs.exchange import export as exported
    from ...configs.load import load

    try:
        text = exported(load(dashboard().home))
    except SettingsError as error:
        raise ApiProblem(409, "settings_broken", str(error)) from error
    headers = {"Content-Disposition": 'attachment; filename="cryptobot-config.yaml"'}
    return Response(text, mimetype="application/yaml", headers=headers)
