"""Colours and fonts of the window, light and dark; which of them the desktop wants."""

import os
import subprocess
import sys
import tkinter as tk
from dataclasses import dataclass
from tkinter import font, ttk

from .homes import Theme
from .picture import State


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as #rrggbb."""

    ground: str
    card: str
    line: str
    text: str
    faint: str
    accent: str
    accent_text: str
    accent_over: str
    button: str
    button_over: str
    good: str
    busy: str
    bad: str

    def of_state(self, state: State) -> str:
        """The lamp's colour."""
        lamps = {"on": self.good, "trouble": self.bad, "left": self.bad, "off": self.faint}
        return lamps.get(state, self.busy)


LIGHT = Palette(
    ground="#f5f6f8", card="#ffffff", line="#dfe3e8", text="#1c2430", faint="#6a7483",
    accent="#1f6feb", accent_text="#ffffff", accent_over="#1a5fcb", button="#e9ecf1", button_over="#dde2ea",
    good="#1a9c5b", busy="#c98a00", bad="#d1372f",
)  # fmt: skip
DARK = Palette(
    ground="#14181f", card="#1c222c", line="#2d3644", text="#e8ecf2", faint="#93a0b3",
    accent="#3b82f6", accent_text="#ffffff", accent_over="#5a97f8", button="#2a3340", button_over="#35404f",
    good="#3ecf8e", busy="#e0b13c", bad="#ff6b62",
)  # fmt: skip
_FAMILIES = ("Segoe UI", "SF Pro Text", "Inter", "Cantarell", "Noto Sans", "Ubuntu", "DejaVu Sans")
_MONO = ("Cascadia Mono", "SF Mono", "JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono")
_ASK_S = 2.0


def palette_for(theme: Theme) -> Palette:
    """The colours of a theme; system asks the desktop."""
    dark = system_is_dark() if theme == "system" else theme == "dark"
    return DARK if dark else LIGHT


def system_is_dark() -> bool:
    """Whether the desktop is dark; light where nobody can tell."""
    if sys.platform == "win32":
        return _windows_is_dark()
    if sys.platform == "darwin":
        return "Dark" in _said(["defaults", "read", "-g", "AppleInterfaceStyle"])
    if "dark" in os.environ.get("GTK_THEME", "").lower():
        return True
    return "dark" in _said(["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"])


def _windows_is_dark() -> bool:
    if sys.platform != "win32":
        return False
    import winreg

    key = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
            return winreg.QueryValueEx(opened, "AppsUseLightTheme")[0] == 0
    except OSError:
        return False


def _said(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


@dataclass(frozen=True, slots=True)
class Fonts:
    """The fonts of the window."""

    body: font.Font
    strong: font.Font
    title: font.Font
    small: font.Font
    mono: font.Font


def fonts(root: tk.Misc) -> Fonts:
    """The best family that is there, in the sizes that the window uses."""
    there = set(font.families(root))
    family = next(
        (name for name in _FAMILIES if name in there), font.nametofont("TkDefaultFont").cget("family")
    )
    mono = next((name for name in _MONO if name in there), font.nametofont("TkFixedFont").cget("family"))
    made = Fonts(
        body=font.Font(root, family=family, size=10),
        strong=font.Font(root, family=family, size=10, weight="bold"),
        title=font.Font(root, family=family, size=18, weight="bold"),
        small=font.Font(root, family=family, size=9),
        mono=font.Font(root, family=mono, size=9),
    )
    root.option_add("*TCombobox*Listbox.font", made.body)
    return made


def dress(root: tk.Tk, colours: Palette, letters: Fonts) -> None:
    """Put colours and fonts on all widgets of ttk; plain ones are coloured where they are made."""
    style = ttk.Style(root)
    style.theme_use("clam")
    root.configure(background=colours.ground)
    style.configure(
        ".", background=colours.ground, foreground=colours.text, font=letters.body, borderwidth=0,
        focuscolor=colours.accent, troughcolor=colours.ground, bordercolor=colours.line,
        lightcolor=colours.line, darkcolor=colours.line,
    )  # fmt: skip
    style.configure("Card.TFrame", background=colours.card)
    for name, face, colour in (
        ("Title", letters.title, colours.text),
        ("Body", letters.body, colours.text),
        ("Faint", letters.small, colours.faint),
    ):
        style.configure(f"{name}.TLabel", font=face, foreground=colour, background=colours.card)
    style.configure("Foot.TLabel", font=letters.small, foreground=colours.faint)
    _dress_buttons(style, colours, letters)
    _dress_lists(style, colours, letters)
    root.option_add("*TCombobox*Listbox.background", colours.card)
    root.option_add("*TCombobox*Listbox.foreground", colours.text)
    root.option_add("*TCombobox*Listbox.selectBackground", colours.accent)
    root.option_add("*TCombobox*Listbox.selectForeground", colours.accent_text)


def _dress_buttons(style: ttk.Style, colours: Palette, letters: Fonts) -> None:
    style.configure(
        "TButton", background=colours.button, foreground=colours.text, padding=(14, 7), relief="flat",
        bordercolor=colours.button, lightcolor=colours.button, darkcolor=colours.button,
    )  # fmt: skip
    style.map(
        "TButton",
        background=[("disabled", colours.ground), ("active", colours.button_over)],
        foreground=[("disabled", colours.faint)],
    )
    accent = colours.accent
    style.configure(
        "Accent.TButton", background=accent, foreground=colours.accent_text, font=letters.strong,
        bordercolor=accent, lightcolor=accent, darkcolor=accent,
    )  # fmt: skip
    style.map(
        "Accent.TButton",
        background=[("disabled", colours.button), ("active", colours.accent_over)],
        foreground=[("disabled", colours.faint)],
        lightcolor=[("disabled", colours.button)],
        darkcolor=[("disabled", colours.button)],
        bordercolor=[("disabled", colours.button)],
    )


def _dress_lists(style: ttk.Style, colours: Palette, letters: Fonts) -> None:
    style.configure("TNotebook", background=colours.ground, borderwidth=0, tabmargins=(0, 0, 0, 0))
    style.configure(
        "TNotebook.Tab", background=colours.ground, foreground=colours.faint, padding=(16, 8), borderwidth=0,
        lightcolor=colours.ground, bordercolor=colours.ground,
    )  # fmt: skip
    style.map(
        "TNotebook.Tab",
        background=[("selected", colours.card)],
        foreground=[("selected", colours.text)],
        lightcolor=[("selected", colours.card)],
        bordercolor=[("selected", colours.card)],
        padding=[("selected", (16, 8))],
        expand=[("selected", (0, 0, 0, 0))],
    )
    height = letters.body.metrics("linespace") + 12
    style.configure(
        "Treeview", background=colours.card, fieldbackground=colours.card, foreground=colours.text,
        rowheight=height, borderwidth=0, relief="flat", bordercolor=colours.card, lightcolor=colours.card,
        darkcolor=colours.card,
    )  # fmt: skip
    style.map(
        "Treeview",
        background=[("selected", colours.button)],
        foreground=[("selected", colours.text)],
    )
    style.configure(
        "Treeview.Heading", background=colours.card, foreground=colours.faint, font=letters.small,
        relief="flat", padding=(6, 6), bordercolor=colours.card,
    )  # fmt: skip
    style.map("Treeview.Heading", background=[("active", colours.card)])
    style.configure(
        "TCombobox", fieldbackground=colours.card, background=colours.button, foreground=colours.text,
        arrowcolor=colours.faint, padding=(8, 4), bordercolor=colours.line, selectbackground=colours.card,
        selectforeground=colours.text, insertcolor=colours.text,
    )  # fmt: skip
    style.map(
        "TCombobox", fieldbackground=[("readonly", colours.card)], foreground=[("readonly", colours.text)]
    )
    style.configure(
        "Vertical.TScrollbar", background=colours.button, troughcolor=colours.card, arrowcolor=colours.faint,
        bordercolor=colours.card, lightcolor=colours.button, darkcolor=colours.button, gripcount=0, width=10,
    )  # fmt: skip
    style.map("Vertical.TScrollbar", background=[("active", colours.button_over), ("disabled", colours.card)])
