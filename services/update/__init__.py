"""Updates: who is asked for newer versions, and what is believed of the answer."""
