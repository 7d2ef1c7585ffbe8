"""The launcher: start, stop and watch the platform in a window, or by a menu of text."""
