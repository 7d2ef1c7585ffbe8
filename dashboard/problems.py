"""What is answered when something is wrong: one JSON shape for the API (RFC 9457), one page for people."""

import math
from http import HTTPStatus

import msgspec
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from ..configs.errors import AuthError, BusTimeoutError, CryptoBotError, RequestFailedError

PROBLEM_TYPE = "application/problem+json"
_TYPE = "urn:cryptobot:problem:{code}"
_CODES_NOT_FOUND = frozenset({"unknown_service", "unknown_order", "unknown_strategy", "not_found"})


class ApiProblem(Exception):
    """A refusal.

    Args:
        status: HTTP status.
        code: stable, lower_snake_case.
        message: one sentence for people.
        retry_after_s: when it may work, where that is known.
    """

    def __init__(self, status: int, code: str, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after_s = retry_after_s


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details, the one shape of all errors: `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str


def problem_of(error: Exception) -> ApiProblem:
    """The refusal that an error amounts to."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, RequestFailedError):
        return ApiProblem(404 if error.code in _CODES_NOT_FOUND else 409, error.code, error.message)
    if isinstance(error, BusTimeoutError):
        return ApiProblem(504, "no_answer", f"{error} It may be starting; try again in a moment.")
    if isinstance(error, AuthError):
        return ApiProblem(401, "not_logged_in", str(error))
    if isinstance(error, CryptoBotError):
        return ApiProblem(503, "unavailable", str(error))
    if isinstance(error, HTTPException):
        status = error.code or 500
        if status == HTTPStatus.NOT_FOUND:
            return ApiProblem(404, "not_found", "There is nothing at this address.")
        code = (error.name or "error").lower().replace(" ", "_")
        return ApiProblem(status, code, error.description or error.name)
    return ApiProblem(500, "internal_error", "The dashboard made a mistake; its log has the details.")


def as_json(problem: ApiProblem) -> Response:
    """A refusal as programs read it."""
    told = Problem(
        type=_TYPE.format(code=problem.code), title=HTTPStatus(problem.status).phrase, status=problem.status,
        detail=problem.message, code=problem.code,
    )  # fmt: skip
    return Response(msgspec.json.encode(told), problem.status, mimetype=PROBLEM_TYPE, headers=_when(problem))


def install(app: Flask) -> None:
    """Answer every error of every route."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            app.logger.error("request failed", exc_info=error)
        if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
            return as_json(problem)
        page = render_template("problem.html", problem=problem)
        return Response(page, problem.status, mimetype="text/html", headers=_when(problem))


def _when(problem: ApiProblem) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(problem.retry_after_s))} if problem.retry_after_s > 0 else {}
