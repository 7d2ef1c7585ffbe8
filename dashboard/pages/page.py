"""What a page declares about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the menu.

    Args:
        name: names the template `pages/<name>.html` and the script `js/pages/<name>.js`.
        title: in the menu and the window.
        path: address.
        icon: a symbol of the vendored icons.
        order: place in its group of the menu, small first.
        permission: what a person needs to see it.
        channels: what of the live stream it follows.
        primary: shown in the bar at the bottom on a phone.
        group: the heading of the menu under which it stands.
    """

    name: str
    title: str
    path: str
    icon: str
    order: int
    permission: str
    channels: tuple[str, ...] = ("core",)
    primary: bool = False
    group: str = "Add-ons"
