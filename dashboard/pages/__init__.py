"""Pages for people. One module a page."""
