"""One's own account over the API: proving again who one is, sessions, second factor. Needs a session."""

from flask import Flask, Response, request

from ...bus.contracts.auth import (
    BeginTotp,
    ConfirmTotp,
    DisableTotp,
    EndSession,
    ListSessions,
    LoginResult,
    RecoveryCodes,
    RotateSession,
    Session,
    Sessions,
    StepUp,
    TotpSetup,
)
from ...bus.contracts.base import Done
from ...bus.contracts.factors import (
    GetSecondFactor,
    JudgePassword,
    PasswordJudgement,
    RenewRecoveryCodes,
    SecondFactor,
)
from ...bus.contracts.signin import (
    BeginPasskey,
    FinishPasskey,
    ListPasskeys,
    PasskeyOptions,
    Passkeys,
    RemovePasskey,
)
from ..access import ANY_USER, PUBLIC, requires
from ..context import dashboard, session
from ..problems import ApiProblem
from ..sessions import COOKIE
from .answers import PREFIX, answer, ask, body
from .lists import page_of
from .shapes import Message, PasskeyMade, Proof, TotpBegin, TotpCode, TotpNew, TypedPassword

# Checking a password is slow on purpose.
TIMEOUT_S = 15.0


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/account/step-up", "api_step_up", step_up, methods=["POST"])
    add(f"{PREFIX}/account/sessions", "api_own_sessions", own_sessions, methods=["GET"])
    add(f"{PREFIX}/account/sessions/end-others", "api_end_others", end_others, methods=["POST"])
    add(f"{PREFIX}/account/sessions/<name>/end", "api_end_session", end_session, methods=["POST"])
    add(f"{PREFIX}/account/second-factor", "api_totp", second_factor, methods=["GET"])
    add(f"{PREFIX}/account/recovery-codes", "api_recovery_codes", recovery_codes, methods=["POST"])
    add(f"{PREFIX}/password-strength", "api_password_strength", password_strength, methods=["POST"])
    add(f"{PREFIX}/account/second-factor", "api_begin_totp", begin_totp, methods=["POST"])
    add(f"{PREFIX}/account/second-factor/confirm", "api_confirm_totp", confirm_totp, methods=["POST"])
    add(f"{PREFIX}/account/second-factor/remove", "api_remove_totp", remove_totp, methods=["POST"])
    add(f"{PREFIX}/account/passkeys", "api_passkeys", passkeys, methods=["GET"])
    add(f"{PREFIX}/account/passkeys", "api_begin_passkey", begin_passkey, methods=["POST"])
    add(f"{PREFIX}/account/passkeys/finish", "api_finish_passkey", finish_passkey, methods=["POST"])
    add(f"{PREFIX}/account/passkeys/<name>/remove", "api_remove_passkey", remove_passkey, methods=["POST"])


@requires(ANY_USER)
def step_up() -> Response:
    """Prove again who you are, by code where there is a second factor, else by password."""
    wish, token = body(Proof), own_token()
    proved = ask("auth", StepUp(token=token, code=wish.code, password=wish.password), Session, TIMEOUT_S)
    dashboard().sessions.forget(token)
    return renewed(answer(proved))


@requires(ANY_USER)
def own_sessions() -> Response:
    """Your sessions, newest first."""
    return page_of(ask("auth", ListSessions(token=own_token()), Sessions), "sessions", lambda one: one.id)


@requires(ANY_USER)
def end_session(name: str) -> Response:
    """End one of your sessions."""
    return answer(Message(message=ask("auth", EndSession(token=own_token(), id=name), Done).message))


@requires(ANY_USER)
def end_others() -> Response:
    """End all of your sessions but this one."""
    return answer(Message(message=ask("auth", EndSession(token=own_token()), Done).message))


@requires(ANY_USER)
def second_factor() -> Response:
    """Whether you have a second factor, and how many recovery codes are left."""
    return answer(ask("auth", GetSecondFactor(token=own_token()), SecondFactor))


@requires(ANY_USER, step_up=True)
def recovery_codes() -> Response:
    """Other recovery codes, shown this once; those of before are worth nothing. The second factor stays."""
    return answer(ask("auth", RenewRecoveryCodes(token=own_token()), RecoveryCodes))


@requires(PUBLIC)
def password_strength() -> Response:
    """How good a password would be, while it is typed: by the rule that takes or refuses it."""
    wish = body(TypedPassword)
    question = JudgePassword(password=wish.password, user=wish.user)
    return answer(ask("auth", question, PasswordJudgement))


@requires(ANY_USER)
def begin_totp() -> Response:
    """Make a second factor; it is in force after its first code was confirmed."""
    import segno

    wish = BeginTotp(token=own_token(), password=body(TotpBegin).password)
    made = ask("auth", wish, TotpSetup, TIMEOUT_S)
    drawn = segno.make(made.uri, error="m").svg_data_uri(scale=5, dark="#0b0f14", light="#ffffff")
    return answer(TotpNew(secret=made.secret, uri=made.uri, image=drawn))


@requires(ANY_USER)
def confirm_totp() -> Response:
    """Put the second factor in force; the answer has the recovery codes, shown this once."""
    codes = ask("auth", ConfirmTotp(token=own_token(), code=body(TotpCode).code), RecoveryCodes, TIMEOUT_S)
    dashboard().sessions.forget_user(session().user)
    return answer(codes)


@requires(ANY_USER)
def remove_totp() -> Response:
    """Take your second factor away; needs password and code."""
    wish = body(Proof)
    question = DisableTotp(token=own_token(), password=wish.password, code=wish.code)
    return answer(Message(message=ask("auth", question, Done, TIMEOUT_S).message))


@requires(ANY_USER)
def passkeys() -> Response:
    """Your passkeys, newest first."""
    return page_of(ask("auth", ListPasskeys(token=own_token()), Passkeys), "passkeys", lambda one: one.id)


@requires(ANY_USER, step_up=True)
def begin_passkey() -> Response:
    """Begin to make a passkey: what the browser needs for it."""
    wish = BeginPasskey(token=own_token(), origin=request.headers.get("Origin", ""))
    return answer(ask("auth", wish, PasskeyOptions))


@requires(ANY_USER)
def finish_passkey() -> Response:
    """Keep the passkey that the browser made."""
    made = body(PasskeyMade)
    wish = FinishPasskey(token=own_token(), ceremony=made.ceremony, response=made.response, name=made.name)
    return answer(Message(message=ask("auth", wish, Done).message))


@requires(ANY_USER, step_up=True)
def remove_passkey(name: str) -> Response:
    """Remove one of your passkeys."""
    return answer(Message(message=ask("auth", RemovePasskey(token=own_token(), id=name), Done).message))


def renewed(response: Response) -> Response:
    """An answer that brings the browser another token for its session, after its person proved who they are:
    whoever got hold of the old one has nothing.
    """
    board, token = dashboard(), own_token()
    made = board.gateway.request_from_thread("auth", RotateSession(token=token), LoginResult)
    if made.token and made.session is not None:
        board.sessions.replaced(token, made.session)
        board.gateway.tell_from_thread(board.gateway.on_rotated, token, made.token)
        response.set_cookie(COOKIE, made.token, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def own_token() -> str:
    """The session's token.

    Raises:
        ApiProblem: the caller came with an API key.
    """
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise ApiProblem(403, "person_needed", "This belongs to a person's session; an API key has none.")
    return token
