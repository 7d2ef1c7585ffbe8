"""One folder, one process; they share contracts and never import each other."""
