"""`/api/v1/openapi.json`: the API described from its routes, their docstrings and the contracts."""

import re
from typing import Any

import msgspec
from flask import Flask, Response

from ... import __version__
from ...bus.contracts.analytics import Performance, ReportFile, Reports
from ...bus.contracts.auth import (
    ApiKeys,
    AuditLog,
    AuditReport,
    NewApiKey,
    NewPassword,
    RecoveryCodes,
    Session,
    Sessions,
    Users,
)
from ...bus.contracts.backtest import Backtest, Backtests, BacktestStarted, TrustVerdict
from ...bus.contracts.bus import BusStats
from ...bus.contracts.factors import PasswordJudgement, SecondFactor
from ...bus.contracts.market import Candles, Feeds
from ...bus.contracts.monitor import AlertLog, DoctorReport, HealthHistory, StateLog
from ...bus.contracts.notify import ChannelTests, DeliveryLog, LinkCode, NotifyStatus
from ...bus.contracts.paper import PaperFaults, PaperInfo
from ...bus.contracts.portfolio import (
    PortfolioHistory,
    PortfolioReport,
    RebalancePlan,
    RebalanceResult,
    TaxLots,
)
from ...bus.contracts.risk import RiskReport
from ...bus.contracts.service import SupervisorStatus
from ...bus.contracts.signin import PasskeyOptions, Passkeys
from ...bus.contracts.strategy import Strategies
from ...bus.contracts.trade import EquityHistory, Fills, LedgerReport, Order, Orders, Protection, TradingState
from ...bus.contracts.update import UpdateReport
from ..access import ANY_USER, PUBLIC, demand_of, requires
from ..problems import PROBLEM_TYPE, Problem
from .analytics import ReportName, ReportWish
from .answers import PREFIX, answer
from .commands import TABLE as COMMANDS
from .commands import CommandResult, Lines, endpoint_of
from .notifications import ChannelChoice, DeliveryChoice, MuteWish
from .shapes import (
    Amendment,
    BacktestWish,
    Balances,
    EndGuard,
    Fault,
    Guard,
    Instances,
    Message,
    MessageKinds,
    NewKey,
    NewSecret,
    NewUser,
    Note,
    ParametersChange,
    PasskeyMade,
    PlanChoice,
    Positions,
    Proof,
    Rearm,
    ReplayedMessages,
    RoleChange,
    Roles,
    Rollback,
    Saved,
    Secrets,
    SettingsChange,
    SettingsHistory,
    SettingsView,
    TotpBegin,
    TotpCode,
    TotpNew,
    TradingChange,
    TypedPassword,
    UserChange,
)
from .text_shapes import ClosePosition, SettingsCheck, SettingsText, Start, Templates
from .updates import UpdateWish

# What each endpoint answers, what it takes as body, and which words its query knows.
DESCRIBED: dict[str, tuple[type | None, type | None, tuple[str, ...]]] = {
    "api_openapi": (None, None, ()),
    "api_session": (Session, None, ()),
    "api_status": (SupervisorStatus, None, ("cursor", "limit")),
    "api_orders": (Orders, None, ("account", "open", "symbol", "cursor", "limit")),
    "api_fills": (Fills, None, ("account", "symbol", "since_ms", "cursor", "limit")),
    "api_positions": (Positions, None, ("account", "cursor", "limit")),
    "api_balance": (Balances, None, ("account", "cursor", "limit")),
    "api_equity": (EquityHistory, None, ("account", "since_ms", "before_ms", "cursor", "limit")),
    "api_candles": (Candles, None, ("exchange", "symbol", "timeframe", "since_ms", "cursor", "limit")),
    "api_feeds": (Feeds, None, ("cursor", "limit")),
    "api_strategies": (Strategies, None, ("cursor", "limit")),
    "api_trading": (TradingState, None, ("account",)),
    "api_set_trading": (TradingState, TradingChange, ("account",)),
    "api_control_service": (Message, None, ()),
    "api_control_strategy": (Message, None, ()),
    "api_cancel_order": (Message, None, ("account",)),
    "api_settings": (SettingsView, None, ()),
    "api_change_settings": (Saved, SettingsChange, ()),
    "api_settings_history": (SettingsHistory, None, ("cursor", "limit")),
    "api_settings_rollback": (Saved, Rollback, ()),
    "api_check_settings": (SettingsCheck, SettingsText, ()),
    "api_put_settings": (Saved, SettingsText, ()),
    "api_templates": (Templates, None, ()),
    "api_export_settings": (None, None, ()),
    "api_close_position": (Message, ClosePosition, ("account",)),
    "api_orders_csv": (None, None, ("account", "open", "symbol")),
    "api_fills_csv": (None, None, ("account", "symbol", "since_ms")),
    "api_positions_csv": (None, None, ("account",)),
    "api_finish_setup": (Saved, Start, ()),
    "api_users": (Users, None, ("cursor", "limit")),
    "api_add_user": (NewPassword, NewUser, ()),
    "api_change_user": (Message, UserChange, ()),
    "api_reset_password": (NewPassword, None, ()),
    "api_remove_user": (Message, None, ()),
    "api_step_up": (Session, Proof, ()),
    "api_own_sessions": (Sessions, None, ("cursor", "limit")),
    "api_end_session": (Message, None, ()),
    "api_end_others": (Message, None, ()),
    "api_begin_totp": (TotpNew, TotpBegin, ()),
    "api_confirm_totp": (RecoveryCodes, TotpCode, ()),
    "api_remove_totp": (Message, Proof, ()),
    "api_totp": (SecondFactor, None, ()),
    "api_recovery_codes": (RecoveryCodes, None, ()),
    "api_reset_codes": (RecoveryCodes, None, ()),
    "api_password_strength": (PasswordJudgement, TypedPassword, ()),
    "api_alerts": (AlertLog, None, ("open", "severity", "key", "since_ms", "cursor", "limit")),
    "api_acknowledge": (Message, Note, ()),
    "api_health": (HealthHistory, None, ("service", "since_ms", "until_ms", "step_s", "points")),
    "api_states": (StateLog, None, ("service", "since_ms", "cursor", "limit")),
    "api_doctor": (DoctorReport, None, ()),
    "api_risk": (RiskReport, None, ("account",)),
    "api_rearm": (RiskReport, Rearm, ("account",)),
    "api_update": (UpdateReport, None, ()),
    "api_check_update": (UpdateReport, None, ()),
    "api_download_update": (Message, None, ()),
    "api_apply_update": (Message, UpdateWish, ()),
    "api_roll_back_update": (Message, UpdateWish, ()),
    "api_portfolio": (PortfolioReport, None, ("account",)),
    "api_portfolio_history": (PortfolioHistory, None, ("account", "since_ms", "cursor", "limit")),
    "api_portfolio_plan": (RebalancePlan, None, ("account",)),
    "api_rebalance": (RebalanceResult, PlanChoice, ("account",)),
    "api_lots": (TaxLots, None, ("account", "method", "since_ms", "until_ms")),
    "api_lots_csv": (None, None, ("account", "method", "since_ms", "until_ms")),
    "api_performance": (Performance, None, ("from_ms", "to_ms", "benchmark")),
    "api_reports": (Reports, None, ()),
    "api_make_report": (ReportFile, ReportWish, ()),
    "api_report": (None, None, ()),
    "api_send_report": (ReportFile, ReportName, ()),
    "api_notifications": (NotifyStatus, None, ()),
    "api_deliveries": (DeliveryLog, None, ("channel", "state", "cursor", "limit")),
    "api_test_channels": (ChannelTests, ChannelChoice, ()),
    "api_retry_deliveries": (Message, DeliveryChoice, ()),
    "api_mute": (Message, MuteWish, ()),
    "api_link_chat": (LinkCode, None, ()),
    "api_unlink_chat": (Message, None, ()),
    "api_backtests": (Backtests, None, ("strategy", "cursor", "limit")),
    "api_start_backtest": (BacktestStarted, BacktestWish, ()),
    "api_backtest": (Backtest, None, ()),
    "api_cancel_backtest": (Message, None, ()),
    "api_backtest_report": (None, None, ()),
    "api_trust": (TrustVerdict, None, ("strategy", "symbol")),
    "api_passkeys": (Passkeys, None, ("cursor", "limit")),
    "api_begin_passkey": (PasskeyOptions, None, ()),
    "api_finish_passkey": (Message, PasskeyMade, ()),
    "api_remove_passkey": (Message, None, ()),
    "api_set_parameters": (Message, ParametersChange, ()),
    "api_reload": (Message, None, ()),
    "api_amend_order": (Order, Amendment, ("account",)),
    "api_protect": (Protection, Guard, ("account",)),
    "api_unprotect": (Message, EndGuard, ("account",)),
    "api_ledger": (LedgerReport, None, ("account",)),
    "api_why": (None, None, ()),
    "api_logs": (Lines, None, ("service", "level", "since_ms", "search", "limit")),
    "api_services": (None, None, ()),
    "api_scale": (None, Instances, ()),
    "api_command": (CommandResult, None, ()),
    **{endpoint_of(name): (CommandResult, one[0], ()) for name, one in COMMANDS.items()},
    "api_reset_totp": (Message, None, ()),
    "api_roles": (Roles, None, ()),
    "api_set_role": (Message, RoleChange, ()),
    "api_secrets": (Secrets, None, ("cursor", "limit")),
    "api_set_secret": (Message, NewSecret, ()),
    "api_remove_secret": (Message, None, ()),
    "api_rotate_secrets": (Message, None, ()),
    "api_audit": (AuditLog, None, ("kind", "actor", "search", "since_ms", "cursor", "limit")),
    "api_verify_audit": (AuditReport, None, ()),
    "api_audit_csv": (None, None, ("kind", "actor", "search", "since_ms")),
    "api_audit_json": (None, None, ("kind", "actor", "search", "since_ms")),
    "api_bus": (BusStats, None, ("cursor", "limit")),
    "api_bus_kinds": (MessageKinds, None, ("cursor", "limit")),
    "api_bus_replay": (
        ReplayedMessages,
        None,
        ("topic", "from_ms", "to_ms", "correlation_id", "where", "limit"),
    ),
    "api_paper": (PaperInfo, None, ()),
    "api_paper_faults": (PaperFaults, None, ()),
    "api_paper_fault": (PaperFaults, Fault, ()),
    "api_keys": (ApiKeys, None, ("user", "cursor", "limit")),
    "api_create_key": (NewApiKey, NewKey, ()),
    "api_revoke_key": (Message, None, ()),
}
SUCCESS = {
    "api_control_service": "202",
    "api_cancel_order": "202",
    "api_add_user": "201",
    "api_create_key": "201",
    "api_start_backtest": "201",
    "api_make_report": "201",
    "api_send_report": "201",
}
_NUMBERS = frozenset(
    {"limit", "since_ms", "before_ms", "until_ms", "before", "from_ms", "to_ms", "step_s", "points"}
)
_COMPONENTS = "#/components/schemas/{name}"


def install(app: Flask) -> None:
    """Add the route."""

    @requires(ANY_USER)
    def openapi() -> Response:
        """This description, OpenAPI 3.1."""
        return answer(description(app))

    app.add_url_rule(f"{PREFIX}/openapi.json", "api_openapi", openapi, methods=["GET"])


def description(app: Flask) -> dict[str, Any]:
    """The whole document."""
    named = {shape for reply, body, _ in DESCRIBED.values() for shape in (reply, body) if shape}
    ordered = sorted({*named, Problem}, key=lambda shape: shape.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_COMPONENTS)
    references = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in DESCRIBED:
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule)
            for verb in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                paths.setdefault(path, {})[verb.lower()] = _operation(
                    app, rule.endpoint, path, verb, references
                )
    return {
        "openapi": "3.1.0",
        "info": {"title": "CryptoBot", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "cb_<id>_<secret>"},
            },
        },
        "security": [{"session": []}, {"key": []}],
    }


def _operation(
    app: Flask, endpoint: str, path: str, verb: str, references: dict[type, dict[str, Any]]
) -> dict[str, Any]:
    view = app.view_functions[endpoint]
    reply, body, words = DESCRIBED[endpoint]
    parameters = [_parameter(name, "path", required=True) for name in re.findall(r"{(\w+)}", path)]
    parameters += [_parameter(name, "query", required=_needed(endpoint, name)) for name in words]
    if verb != "GET":
        # With an API key there is no session, and so no token of it.
        parameters.append(_parameter("X-CSRF-Token", "header", required=False))
        parameters.append(_parameter("Idempotency-Key", "header", required=False))
    done = (
        {"description": "Done."} if reply is None else _content("Done.", _answered(reply, words, references))
    )
    operation: dict[str, Any] = {
        "operationId": endpoint.removeprefix("api_"),
        "summary": (view.__doc__ or "").strip().splitlines()[0],
        "parameters": parameters,
        "responses": {
            SUCCESS.get(endpoint, "200"): done,
            "default": _content("Refused.", references[Problem], PROBLEM_TYPE),
        },
    }
    demand = demand_of(view)
    if demand is not None and demand.permission not in (ANY_USER, PUBLIC):
        operation["x-permission"] = demand.permission
        operation["x-step-up"] = demand.step_up
    if body is not None:
        operation["requestBody"] = {**_content("", references[body]), "required": True}
        del operation["requestBody"]["description"]
    return operation


def _answered(reply: type, words: tuple[str, ...], references: dict[type, dict[str, Any]]) -> dict[str, Any]:
    """The schema of an answer; lists in pages have the cursor of the next page beside their own members."""
    if "cursor" not in words:
        return references[reply]
    following = {"type": "object", "properties": {"next": {"type": ["string", "null"]}}, "required": ["next"]}
    return {"allOf": [references[reply], following]}


def _needed(endpoint: str, name: str) -> bool:
    return endpoint == "api_candles" and name in ("exchange", "symbol", "timeframe")


def _parameter(name: str, place: str, *, required: bool) -> dict[str, Any]:
    kind = "integer" if name in _NUMBERS else "string"
    return {"name": name, "in": place, "required": required, "schema": {"type": kind}}


def _content(text: str, reference: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": reference}}}
