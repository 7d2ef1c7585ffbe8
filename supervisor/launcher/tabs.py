"""The pages of the window: services, logs, presets, the doctor; and the question before it closes."""

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from tkinter.font import Font
from typing import Literal

from ..cli.logview import for_people
from ..doctor.finding import FAULT, OK, Finding
from .picture import Picture
from .presenter import Presenter, Preset
from .text import explained
from .theme import Fonts, Palette

_EVERY_TURNS = 20
_ALL = "all services"
_GOOD, _ILL, _REST = (
    frozenset({"RUNNING"}),
    frozenset({"FATAL", "BACKOFF", "DEGRADED"}),
    frozenset({"STOPPED"}),
)


class Services:
    """One row a service, coloured by its state; open alerts below."""

    def __init__(self, parent: ttk.Notebook, colours: Palette) -> None:
        self.frame = ttk.Frame(parent, style="Card.TFrame", padding=10)
        self.table = _table(
            self.frame, {"service": ("Service", 190), "state": ("State", 110), "reason": ("", 360)}
        )
        for tag, colour in (("good", colours.good), ("bad", colours.bad), ("rest", colours.faint)):
            self.table.tag_configure(tag, foreground=colour)
        self.table.tag_configure("busy", foreground=colours.busy)

    def show(self, picture: Picture) -> None:
        """The services of a picture, and its alerts."""
        wanted: list[tuple[str, tuple[str, str, str], str]] = [
            (row.name, (row.title, row.state.lower(), row.reason), _tag(row.state))
            for row in picture.rows.values()
        ]
        wanted += [(f"alert {key}", ("Alert", "open", title), "bad") for key, title in picture.alerts.items()]
        names = [name for name, _, _ in wanted]
        for gone in set(self.table.get_children()) - set(names):
            self.table.delete(gone)
        for place, (name, values, tag) in enumerate(wanted):
            if self.table.exists(name):
                self.table.item(name, values=values, tags=(tag,))
            else:
                self.table.insert("", place, iid=name, values=values, tags=(tag,))


def _tag(state: str) -> str:
    if state in _GOOD:
        return "good"
    if state in _ILL:
        return "bad"
    return "rest" if state in _REST else "busy"


class Logs:
    """The newest lines of a service or of all, read again while one looks at them."""

    def __init__(self, parent: ttk.Notebook, colours: Palette, letters: Fonts, presenter: Presenter) -> None:
        self._presenter = presenter
        self._turns = 0
        self._shown = ""
        self.visible = False
        self.frame = ttk.Frame(parent, style="Card.TFrame", padding=10)
        self.choice = ttk.Combobox(self.frame, state="readonly", values=[_ALL], width=24, font=letters.body)
        self.choice.set(_ALL)
        self.choice.pack(anchor="w", pady=(0, 8))
        self.choice.bind("<<ComboboxSelected>>", lambda _event: self.read())
        self.text = _text(self.frame, colours, letters.mono, wrap="none")
        for level in ("warning", "error", "critical"):
            self.text.tag_configure(level, foreground=colours.busy if level == "warning" else colours.bad)

    def refresh(self) -> None:
        """Called each turn of the loop."""
        self._turns += 1
        if self.visible and self._turns % _EVERY_TURNS == 0:
            self.read()

    def read(self) -> None:
        """Show what stands in the log now; stays where one has scrolled to, or at the end."""
        self.choice.configure(values=[_ALL, *self._presenter.log_names()])
        service = "" if self.choice.get() == _ALL else self.choice.get()
        lines = self._presenter.log(service)
        width = 0 if service else max((len(line.service) for line in lines), default=0)
        texts = [(for_people(line, lambda text, _level: text, width), line.level) for line in lines]
        whole = "\n".join(text for text, _ in texts) or "Nothing was logged yet."
        if whole == self._shown:
            return
        at_end = self.text.yview()[1] >= 0.999
        self._shown = whole
        self.text.configure(state="normal")
        self.text.delete("1.0", "end")
        for text, level in texts or [(whole, "")]:
            self.text.insert("end", text + "\n", (level,))
        self.text.configure(state="disabled")
        if at_end:
            self.text.see("end")


class Presets:
    """Starts to choose from; the chosen one is marked."""

    def __init__(
        self, parent: ttk.Notebook, colours: Palette, letters: Fonts, use: Callable[[str], None]
    ) -> None:
        self._use = use
        self._asked = ""
        self._shown: list[Preset] = []
        self._colours = colours
        self.frame = ttk.Frame(parent, style="Card.TFrame", padding=10)
        foot = ttk.Frame(self.frame, style="Card.TFrame")
        foot.pack(side="bottom", fill="x", pady=(10, 0))
        self.take = ttk.Button(foot, text="Use this one", command=self._pressed)
        self.take.pack(side="left")
        self.note = ttk.Label(foot, style="Faint.TLabel", wraplength=560, justify="left")
        self.note.pack(side="left", padx=12)
        columns = {"name": ("Preset", 150), "kind": ("", 80), "summary": ("What it does", 460)}
        self.table = _table(self.frame, columns)
        self.table.tag_configure("chosen", foreground=colours.good, font=letters.strong)
        self.table.bind("<<TreeviewSelect>>", lambda _event: self._selected())

    def show(self, presets: list[Preset]) -> None:
        """List them; the choice stays while they are the same."""
        if presets == self._shown:
            return
        self._shown = presets
        self.table.delete(*self.table.get_children())
        for preset in presets:
            mark = "✓ " if preset.chosen else ""
            values = (mark + preset.name, preset.kind, preset.summary)
            self.table.insert("", "end", iid=preset.name, values=values, tags=("chosen",) if mark else ())
        self._selected()

    def _selected(self) -> None:
        chosen = self.table.selection()
        if chosen and chosen[0] == self._asked:
            return  # told late of what is asked about already
        self._asked = ""
        self.take.configure(text="Use this one")
        self.take.state(["!disabled" if chosen else "disabled"])
        told = self.table.set(chosen[0], "summary") if chosen else ""
        self.note.configure(text=told, foreground=self._colours.faint)

    def _pressed(self) -> None:
        """A template replaces the settings, so that is asked twice."""
        name = self.table.selection()[0]
        if self.table.set(name, "kind") == "template" and self._asked != name:
            self._asked = name
            self.take.configure(text="Yes, replace them")
            self.note.configure(
                text="A template replaces all your settings; the old ones stay in the history.",
                foreground=self._colours.busy,
            )
            return
        self._asked = ""
        self._use(name)


class Doctor:
    """What the doctor found, in words; and a button that lets it mend."""

    def __init__(
        self, parent: ttk.Notebook, colours: Palette, letters: Fonts, diagnose: Callable[..., None]
    ) -> None:
        self.frame = ttk.Frame(parent, style="Card.TFrame", padding=10)
        foot = ttk.Frame(self.frame, style="Card.TFrame")
        foot.pack(side="bottom", fill="x", pady=(10, 0))
        self.again = ttk.Button(foot, text="Look again", command=lambda: diagnose(mend=False))
        self.again.pack(side="left", padx=(0, 8))
        self.mend = ttk.Button(
            foot, text="Mend what can safely be mended", command=lambda: diagnose(mend=True)
        )
        self.mend.pack(side="left")
        self.text = _text(self.frame, colours, letters.body, wrap="word")
        self.text.tag_configure("bad", foreground=colours.bad)
        self.text.tag_configure("busy", foreground=colours.busy)
        self.text.tag_configure("good", foreground=colours.good)
        self._put([("Press “Something is wrong” or “Look again”, and the usual faults are looked for.", "")])

    def wait(self) -> None:
        """It looks."""
        self._put([("Looking…", "")])

    def show(self, findings: list[Finding]) -> None:
        """What was found; faults first."""
        wrong = [one for one in findings if one.verdict != OK or one.mended]
        *told, last = explained(findings)
        parts: list[tuple[str, str]] = []
        for one, text in zip(wrong, told, strict=True):
            first, _, rest = text.partition("\n")
            tag = "bad" if one.verdict == FAULT else "good" if one.verdict == OK else "busy"
            parts += [(first, tag), (f"{rest}\n", "")]
        self._put([*parts, (last, "good" if not wrong else "")])

    def _put(self, parts: list[tuple[str, str]]) -> None:
        self.text.configure(state="normal")
        self.text.delete("1.0", "end")
        for text, tag in parts:
            self.text.insert("end", text + "\n", (tag,) if tag else ())
        self.text.configure(state="disabled")


def closing(
    root: tk.Tk,
    colours: Palette,
    close: Callable[[], None],
    stop: Callable[[], None],
    stay: Callable[[], None],
) -> tk.Toplevel:
    """The question before a window of a running bot is closed."""
    asked = tk.Toplevel(root, background=colours.line, padx=1, pady=1)
    asked.title("CryptoBot")
    asked.transient(root)
    asked.resizable(False, False)
    asked.protocol("WM_DELETE_WINDOW", stay)
    frame = ttk.Frame(asked, style="Card.TFrame", padding=20)
    frame.pack()
    ttk.Label(frame, style="Title.TLabel", text="The bot goes on running").pack(anchor="w")
    words = "It trades on without this window. Open the launcher again, or use `cryptobot down`, to stop it."
    ttk.Label(frame, style="Body.TLabel", text=words, wraplength=420, justify="left").pack(
        anchor="w", pady=(6, 16)
    )
    buttons = ttk.Frame(frame, style="Card.TFrame")
    buttons.pack(anchor="e")
    ttk.Button(buttons, text="Cancel", command=stay).pack(side="left", padx=(0, 8))
    ttk.Button(buttons, text="Stop the bot and close", command=stop).pack(side="left", padx=(0, 8))
    ttk.Button(buttons, text="Close the window", style="Accent.TButton", command=close).pack(side="left")
    x, y = root.winfo_rootx() + 120, root.winfo_rooty() + 140
    asked.geometry(f"+{x}+{y}")
    return asked


def menu(root: tk.Tk, colours: Palette, letters: Font) -> tk.Menu:
    """An empty menu in our colours."""
    return tk.Menu(
        root,
        tearoff=False,
        font=letters,
        background=colours.card,
        foreground=colours.text,
        activebackground=colours.accent,
        activeforeground=colours.accent_text,
        disabledforeground=colours.faint,
        relief="flat",
        borderwidth=6,
        activeborderwidth=0,
    )


def _table(parent: ttk.Frame, columns: dict[str, tuple[str, int]]) -> ttk.Treeview:
    holder = ttk.Frame(parent, style="Card.TFrame")
    made = ttk.Treeview(holder, columns=list(columns), show="headings", selectmode="browse")
    for name, (title, width) in columns.items():
        made.heading(name, text=title, anchor="w")
        made.column(name, width=width, anchor="w", stretch=name == list(columns)[-1])
    _with_bar(made, holder)
    return made


def _text(parent: ttk.Frame, colours: Palette, letters: Font, *, wrap: Literal["none", "word"]) -> tk.Text:
    holder = ttk.Frame(parent, style="Card.TFrame")
    made = tk.Text(
        holder,
        font=letters,
        wrap=wrap,
        state="disabled",
        background=colours.card,
        foreground=colours.text,
        highlightthickness=0,
        borderwidth=0,
        padx=4,
        pady=4,
        spacing1=2,
        selectbackground=colours.accent,
        selectforeground=colours.accent_text,
    )
    _with_bar(made, holder)
    return made


def _with_bar(widget: ttk.Treeview | tk.Text, holder: ttk.Frame) -> None:
    """A scroll bar that is there when there is something to scroll."""
    bar = ttk.Scrollbar(holder, orient="vertical", command=widget.yview)

    def moved(first: float, last: float) -> None:
        if float(first) <= 0.0 and float(last) >= 1.0:
            bar.grid_remove()
        else:
            bar.grid()
        bar.set(first, last)

    holder.rowconfigure(0, weight=1)
    holder.columnconfigure(0, weight=1)
    widget.grid(row=0, column=0, sticky="nsew")
    bar.grid(row=0, column=1, sticky="ns")
    widget.configure(yscrollcommand=moved)
    holder.pack(fill="both", expand=True)
