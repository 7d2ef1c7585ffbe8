"""How reports look: the style sheet that reports of backtests and of analytics share."""

from importlib.resources import files


def stylesheet() -> str:
    """CSS for light and dark, to be put into a page."""
    return files(__package__).joinpath("report.css").read_text(encoding="utf-8")
