"""The desk for second factors: begin, confirm, use, take away, and proving again who one is."""

from ...bus.api import Request
from ...bus.contracts.auth import (
    BeginTotp,
    ConfirmTotp,
    DisableTotp,
    RecoveryCodes,
    ResetTotp,
    Session,
    StepUp,
    TotpSetup,
)
from ...bus.contracts.base import Done
from ...bus.contracts.factors import GetSecondFactor, RenewRecoveryCodes, ResetRecoveryCodes, SecondFactor
from ...configs.errors import RequestFailedError
from . import totp
from .context import AuthContext
from .models import RecoveryRow, UserRow
from .throttle import OWN_CODE
from .totp import TotpVault


class SecondFactors:
    """Second factors in the table of users.

    Args:
        vault: seals their secrets.
    """

    def __init__(self, context: AuthContext, vault: TotpVault) -> None:
        self._context, self._vault = context, vault

    def serve(self) -> None:
        """Answer requests."""
        bus = self._context.bus
        bus.serve(BeginTotp, self._begin)
        bus.serve(ConfirmTotp, self._confirm)
        bus.serve(DisableTotp, self._disable)
        bus.serve(ResetTotp, self._reset)
        bus.serve(StepUp, self._step_up)
        bus.serve(GetSecondFactor, self._state)
        bus.serve(RenewRecoveryCodes, self._renew)
        bus.serve(ResetRecoveryCodes, self._reset_codes)

    def accepts(self, row: UserRow, code: str) -> bool:
        """Is this a code of the user's device, or an unused recovery code? Each works once."""
        if row.totp is None:
            return False
        secret = self._vault.open(row.name, row.totp)
        step = totp.matching_step(secret, code, self._context.now_ms(), row.totp_step)
        if step:
            # In one statement, so that the same code sent twice at once is taken once.
            unused = (UserRow.name == row.name) & (UserRow.totp_step < step)
            row.totp_step = step
            return bool(UserRow.update(totp_step=step).where(unused).execute())
        known = RecoveryRow.code_hash == totp.recovery_hash(row.name, code)
        return bool(RecoveryRow.delete().where(known).execute())

    async def _begin(self, request: Request[BeginTotp]) -> TotpSetup:
        _, row = self._context.session_of(request.message.token)
        await self._context.demand_password(row, request.message.password)
        if row.totp is not None:
            raise RequestFailedError("totp_there", "There is a second factor already; disable it first.")
        secret = totp.new_secret()
        row.totp_pending = self._vault.seal(row.name, secret)
        row.save(only=[UserRow.totp_pending])
        return TotpSetup(secret=secret, uri=totp.uri(secret, row.name))

    def _confirm(self, request: Request[ConfirmTotp]) -> RecoveryCodes:
        wish, context = request.message, self._context
        session, row = context.session_of(wish.token)
        if row.totp_pending is None:
            raise RequestFailedError("totp_missing", "No second factor was begun.")
        context.demand_calm(row, OWN_CODE)
        secret = self._vault.open(row.name, row.totp_pending)
        step = totp.matching_step(secret, wish.code, context.now_ms(), 0)
        if not step:
            context.throttle.failed(row.name, OWN_CODE)
            raise RequestFailedError("totp_wrong", "The code is wrong; is the clock of your device right?")
        row.totp, row.totp_pending, row.totp_step = row.totp_pending, None, step
        row.save(only=[UserRow.totp, UserRow.totp_pending, UserRow.totp_step])
        context.sessions.stepped_up(session)
        context.sessions.end_all(row.name, but=wish.token)
        context.revoked(row.name)
        context.audit("user", row.name, "second factor on", row.name)
        return RecoveryCodes(codes=self._new_recovery_codes(row.name))

    async def _disable(self, request: Request[DisableTotp]) -> Done:
        wish, context = request.message, self._context
        _, row = context.session_of(wish.token)
        await context.demand_password(row, wish.password)
        self._demand_code(row, wish.code)
        self._remove(row)
        context.audit("user", row.name, "second factor off", row.name)
        return Done(message="The second factor is off.")

    def _reset(self, request: Request[ResetTotp]) -> Done:
        wish, context = request.message, self._context
        row = context.accounts.get(wish.user)
        self._remove(row)
        context.sessions.end_all(row.name)
        context.revoked(row.name)
        context.audit("user", wish.actor, "second factor reset", row.name)
        return Done(message=f"The second factor of {row.name} is off.")

    def _state(self, request: Request[GetSecondFactor]) -> SecondFactor:
        _, row = self._context.session_of(request.message.token)
        left = RecoveryRow.select().where(RecoveryRow.user == row.name).count()
        return SecondFactor(on=row.totp is not None, recovery_codes=int(left))

    def _renew(self, request: Request[RenewRecoveryCodes]) -> RecoveryCodes:
        context = self._context
        session, row = context.session_of(request.message.token)
        if not context.sessions.stepped_up_until_ms(session):
            raise RequestFailedError("step_up_needed", "Prove again that it is you before you get new codes.")
        return self._replaced(row, row.name)

    def _reset_codes(self, request: Request[ResetRecoveryCodes]) -> RecoveryCodes:
        wish = request.message
        return self._replaced(self._context.accounts.get(wish.user), wish.actor)

    def _replaced(self, row: UserRow, actor: str) -> RecoveryCodes:
        """Other codes for a second factor that stays.

        Raises:
            RequestFailedError: totp_missing.
        """
        if row.totp is None:
            raise RequestFailedError("totp_missing", f"{row.name} has no second factor; set one up first.")
        codes = self._new_recovery_codes(row.name)
        self._context.audit("user", actor, "new recovery codes", row.name)
        return RecoveryCodes(codes=codes)

    async def _step_up(self, request: Request[StepUp]) -> Session:
        wish, context = request.message, self._context
        session, row = context.session_of(wish.token)
        if row.totp is not None:
            self._demand_code(row, wish.code)
        else:
            await context.demand_password(row, wish.password)
        context.sessions.stepped_up(session)
        context.audit("login", row.name, "step up", session.address)
        return context.describe(session, row)

    def _demand_code(self, row: UserRow, code: str) -> None:
        context = self._context
        context.demand_calm(row, OWN_CODE)
        context.throttle.failed(row.name, OWN_CODE)
        if not self.accepts(row, code):
            context.audit("login", row.name, "second factor", row.name, "wrong code", ok=False)
            raise RequestFailedError("totp_wrong", "The code is wrong, or was used before.")
        context.throttle.succeeded(row.name, OWN_CODE)

    def _remove(self, row: UserRow) -> None:
        row.totp, row.totp_pending, row.totp_step = None, None, 0
        row.save(only=[UserRow.totp, UserRow.totp_pending, UserRow.totp_step])
        RecoveryRow.delete().where(RecoveryRow.user == row.name).execute()

    def _new_recovery_codes(self, user: str) -> list[str]:
        codes = totp.recovery_codes()
        rows = [{"code_hash": totp.recovery_hash(user, code), "user": user} for code in codes]
        # Both or neither: a crash in between leaves nobody without codes, or with codes that nobody saw.
        with self._context.transaction():
            RecoveryRow.delete().where(RecoveryRow.user == user).execute()
            RecoveryRow.insert_many(rows).execute()
        return codes
