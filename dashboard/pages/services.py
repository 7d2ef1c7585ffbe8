"""The processes: state, health, use of the machine, start and stop."""

from .page import Page

PAGE = Page(
    name="services",
    title="Services",
    path="/services",
    icon="server-2",
    group="Platform",
    order=60,
    permission="service.read",
    channels=("core",),
    primary=True,
)
