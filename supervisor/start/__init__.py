"""How a supervisor begins: alone in its home, with a head start, taking over what runs."""
