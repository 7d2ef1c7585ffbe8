"""What comes into an installation and leaves it: add-ons, the first run, shortcuts, the whole of it."""
