"""The usual faults, looked for."""

from .page import Page

PAGE = Page(
    name="doctor",
    title="Doctor",
    path="/doctor",
    icon="heartbeat",
    group="Platform",
    order=95,
    permission="health.read",
)
