"""The window: what `Presenter` knows, shown; what a person presses, handed to it on a thread of its own."""

import queue
import threading
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Any

from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from . import tabs
from .homes import THEMES, Memory, Theme
from .picture import Picture
from .presenter import Presenter
from .sign import Look
from .single import Claim
from .theme import Palette, dress, fonts, palette_for
from .tray import Choice, Tray

_TURN_MS = 50
_OTHER = "Another folder…"
_SIZE = "820x640"
_BESIDE = 16


class Window:
    """One window on one home at a time. Everything of Tk happens on the thread that made it."""

    def __init__(self, home: Home, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()
        self._claim = Claim(home)
        self.root = tk.Tk(className="cryptobot")
        self.root.title("CryptoBot")
        self.root.geometry(_SIZE)
        self.root.minsize(640, 480)
        self.root.protocol("WM_DELETE_WINDOW", self.ask_to_close)
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._letters = fonts(self.root)
        self.colours: Palette = palette_for(self._memory.theme)
        self.closing: tk.Toplevel | None = None
        self._busy = ""
        self._ended = False
        self.presenter = self._presenter_of(home)
        self.menu: tk.Menu | None = None
        self.tray = Tray(home, self._choices(), self._from_anywhere(self._show_menu), self._look())
        self._build()
        self._turn()

    # What is where

    def _build(self) -> None:
        dress(self.root, self.colours, self._letters)
        self._frame = ttk.Frame(self.root, padding=16)
        self._frame.pack(fill="both", expand=True)
        self._build_head()
        self._build_foot()
        self._build_tabs()
        self._paint(self.presenter.picture)

    def _build_head(self) -> None:
        head = ttk.Frame(self._frame, style="Card.TFrame", padding=16)
        head.pack(fill="x")
        self.lamp = tk.Canvas(
            head, width=22, height=22, highlightthickness=0, background=self.colours.card, borderwidth=0
        )
        self.lamp.grid(row=0, column=0, padx=(0, 12))
        self.headline = ttk.Label(head, style="Title.TLabel")
        self.headline.grid(row=0, column=1, sticky="w")
        self.homes = ttk.Combobox(head, state="readonly", width=34, font=self._letters.body)
        self.homes.grid(row=0, column=2, sticky="e")
        self.homes.bind("<<ComboboxSelected>>", lambda _event: self._home_chosen())
        self.detail = ttk.Label(head, style="Faint.TLabel", wraplength=720, justify="left")
        self.detail.grid(row=1, column=1, columnspan=2, sticky="w", pady=(2, 12))
        head.columnconfigure(1, weight=1)
        buttons = ttk.Frame(head, style="Card.TFrame")
        buttons.grid(row=2, column=1, columnspan=2, sticky="w")
        self.start = self._button(buttons, "Start", self._start, accent=True)
        self.stop = self._button(buttons, "Stop", self._stop)
        self.dashboard = self._button(buttons, "Open dashboard", self._open_dashboard)
        self.wrong = self._button(buttons, "Something is wrong", self._something_is_wrong)
        self._list_homes()

    def _button(
        self, parent: ttk.Frame, text: str, command: Callable[[], None], *, accent: bool = False
    ) -> ttk.Button:
        style = "Accent.TButton" if accent else "TButton"
        made = ttk.Button(parent, text=text, command=command, style=style)
        made.pack(side="left", padx=(0, 8))
        return made

    def _build_tabs(self) -> None:
        self.tabs: Any = ttk.Notebook(self._frame)  # typeshed knows none of its calls
        self.tabs.pack(fill="both", expand=True, pady=(14, 0))
        self.services = tabs.Services(self.tabs, self.colours)
        self.logs = tabs.Logs(self.tabs, self.colours, self._letters, self.presenter)
        self.presets = tabs.Presets(self.tabs, self.colours, self._letters, self._use_preset)
        self.doctor = tabs.Doctor(self.tabs, self.colours, self._letters, self.diagnose)
        for title, tab in (
            ("Services", self.services),
            ("Logs", self.logs),
            ("Presets", self.presets),
            ("Doctor", self.doctor),
        ):
            self.tabs.add(tab.frame, text=title)
        self.tabs.bind("<<NotebookTabChanged>>", lambda _event: self._tab_chosen())

    def _build_foot(self) -> None:
        foot = ttk.Frame(self._frame)
        foot.pack(side="bottom", fill="x", pady=(10, 0))
        self.message = ttk.Label(foot, style="Foot.TLabel", wraplength=600, justify="left")
        self.message.pack(side="left", fill="x", expand=True)
        self.theme = ttk.Combobox(foot, state="readonly", values=THEMES, width=8, font=self._letters.body)
        self.theme.set(self._memory.theme)
        self.theme.pack(side="right")
        self.theme.bind("<<ComboboxSelected>>", lambda _event: self.choose_theme(self.theme.get()))

    # What is shown

    def _paint(self, picture: Picture) -> None:
        self.lamp.delete("all")
        colour = self.colours.of_state(picture.state)
        self.lamp.create_oval(3, 3, 19, 19, fill=colour, outline=colour)
        self.headline.configure(text=picture.headline)
        self.detail.configure(text=picture.detail)
        busy = bool(self._busy)
        self._enable(self.start, picture.can_start and not busy)
        self._enable(self.stop, picture.can_stop and not busy)
        self._enable(self.dashboard, bool(picture.alive) and not busy)
        self._enable(self.wrong, not busy)
        self.services.show(picture)
        self.tray.show(self._look())

    @staticmethod
    def _enable(button: ttk.Button, wanted: bool) -> None:
        button.state(["!disabled" if wanted else "disabled"])

    def say(self, sentence: str, *, bad: bool = False) -> None:
        """Put a sentence at the window's foot."""
        self.message.configure(text=sentence, foreground=self.colours.bad if bad else self.colours.faint)

    def choose_theme(self, chosen: str) -> None:
        """Light, dark, or as the desktop; remembered."""
        theme: Theme = next(one for one in THEMES if one == chosen)
        self._memory.choose_theme(theme)
        self.colours = palette_for(theme)
        selected = self.tabs.index("current")
        self._frame.destroy()
        self._build()
        self.tabs.select(selected)

    # What is done

    def do(self, meanwhile: str, work: Callable[[], Any], then: Callable[[Any], None] | None = None) -> None:
        """Do something that takes time beside the window, and say how it ended."""
        if self._busy:
            return
        self._busy = meanwhile
        self.say(meanwhile)
        self._paint(self.presenter.picture)

        def run() -> None:
            result: Any = None
            failure = ""
            try:
                result = work()
            except CryptoBotError as error:
                failure = str(error)
            except OSError as error:
                failure = f"{error.strerror or error}: {error.filename or self.presenter.home.root}"
            self._calls.put(lambda: self._done(result, failure, then))

        threading.Thread(target=run, name="launcher-work", daemon=True).start()

    def _done(self, result: Any, failure: str, then: Callable[[Any], None] | None) -> None:
        self._busy = ""
        self.say(failure or (result if isinstance(result, str) else ""), bad=bool(failure))
        if then is not None and not failure:
            then(result)
        self._paint(self.presenter.picture)

    def _start(self) -> None:
        self.do("Starting…", self.presenter.start)

    def _stop(self) -> None:
        self.do("Stopping…", self.presenter.stop)

    def _open_dashboard(self) -> None:
        self.do("Opening…", self.presenter.open_dashboard)

    def _something_is_wrong(self) -> None:
        self.tabs.select(self.doctor.frame)
        self.diagnose(mend=False)

    def diagnose(self, *, mend: bool) -> None:
        """Let the doctor look, or mend; its tab shows what it found."""
        self.doctor.wait()
        self.do("The doctor looks…", lambda: self.presenter.diagnose(mend=mend), self.doctor.show)

    def _use_preset(self, name: str) -> None:
        self.do("Choosing…", lambda: self.presenter.use_preset(name), lambda _told: self._list_presets())

    def _list_presets(self) -> None:
        try:
            self.presets.show(self.presenter.presets())
        except CryptoBotError as error:
            self.say(str(error), bad=True)

    def _tab_chosen(self) -> None:
        chosen = self.tabs.select()
        self.logs.visible = chosen == str(self.logs.frame)
        if chosen == str(self.presets.frame):
            self._list_presets()

    # Homes

    def _presenter_of(self, home: Home) -> Presenter:
        self._memory.opened(home)
        return Presenter(home, on_change=self._changed)

    def _list_homes(self) -> None:
        folders = [str(path) for path in self._memory.homes(self.presenter.home)]
        self.homes.configure(values=[*folders, _OTHER])
        self.homes.set(str(self.presenter.home.root))

    def _home_chosen(self) -> None:
        chosen = self.homes.get()
        if chosen == _OTHER:
            chosen = filedialog.askdirectory(parent=self.root, title="Home of CryptoBot")
        if chosen:
            self.choose_home(Home(Path(chosen)))
        self._list_homes()

    def choose_home(self, home: Home) -> None:
        """Look at another home. What runs in the one before goes on."""
        if self._busy or home == self.presenter.home:
            return
        try:
            claim = Claim(home)
        except CryptoBotError as error:
            self.say(str(error), bad=True)
            return
        self._claim.release()
        self._claim = claim
        self.presenter.close()
        self.presenter = self._presenter_of(home)
        self._frame.destroy()
        self._build()
        self.say("")

    # Turns of the loop, and the end

    def _changed(self, picture: Picture) -> None:
        self._calls.put(
            lambda: self._paint(picture) if picture.home == str(self.presenter.home.root) else None
        )

    def _from_anywhere(self, call: Callable[[], None]) -> Callable[[], None]:
        return lambda: self._calls.put(call)

    def _turn(self) -> None:
        while not self._calls.empty() and not self._ended:
            self._calls.get()()
        if not self._ended:
            self.logs.refresh()
            self.root.after(_TURN_MS, self._turn)

    def _show_again(self) -> None:
        self.root.deiconify()
        self.root.lift()

    # The icon in the tray

    def _look(self) -> Look:
        picture = self.presenter.picture
        return Look(self.colours.of_state(picture.state), f"CryptoBot: {picture.headline}\n{picture.home}")

    def _choices(self) -> list[Choice]:
        def free(wanted: Callable[[Picture], bool]) -> Callable[[], bool]:
            return lambda: not self._busy and wanted(self.presenter.picture)

        def shown(call: Callable[[], None]) -> Callable[[], None]:
            def both() -> None:
                self._show_again()
                call()

            return both

        lines: list[tuple[str, Callable[[], None], Callable[[], bool]]] = [
            ("Show", self._show_again, lambda: True),
            ("Start", self._start, free(lambda picture: picture.can_start)),
            ("Stop", self._stop, free(lambda picture: picture.can_stop)),
            ("Open dashboard", self._open_dashboard, free(lambda picture: bool(picture.alive))),
            ("Something is wrong", shown(self._something_is_wrong), free(lambda _: True)),
            ("Close", shown(self.ask_to_close), lambda: True),
        ]
        return [Choice(label, self._from_anywhere(call), possible) for label, call, possible in lines]

    def _show_menu(self) -> None:
        """The icon's menu at the pointer, where the tray itself shows none."""
        if self.menu is not None:
            self.menu.destroy()
        self.menu = tabs.menu(self.root, self.colours, self._letters.body)
        for label, chosen, possible in self._choices():
            self.menu.add_command(label=label, command=chosen, state="normal" if possible() else "disabled")
        self.menu.update_idletasks()
        x, y = self.root.winfo_pointerxy()
        above = y - self.menu.winfo_reqheight() - _BESIDE  # not under the pointer: nobody chose anything yet
        self.menu.tk_popup(x, above if above > 0 else y + _BESIDE)

    def ask_to_close(self) -> None:
        """Close; when the bot runs, first say that it goes on."""
        if not self.presenter.picture.alive:
            self.end()
        elif self.closing is None:
            self.closing = tabs.closing(self.root, self.colours, self.end, self._stop_and_end, self._stay)

    def _stop_and_end(self) -> None:
        self._stay()
        self.do("Stopping…", self.presenter.stop, lambda _told: self.end())

    def _stay(self) -> None:
        if self.closing is not None:
            self.closing.destroy()
            self.closing = None

    def end(self) -> None:
        """Close the window; what runs goes on."""
        self._ended = True
        self.tray.end()
        self.presenter.close()
        self._claim.release()
        self.root.destroy()


def show(home: Home) -> int:
    """Show the window of a home until it is closed; the exit code.

    Raises:
        UsageError: a window of this home is open already.
        CryptoBotError: the screen cannot be reached.
    """
    try:
        window = Window(home)
    except tk.TclError as error:
        raise CryptoBotError(
            f"The screen cannot be used ({error}): use `cryptobot launcher --text` instead."
        ) from None
    window.root.mainloop()
    return 0
