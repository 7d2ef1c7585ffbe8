"""Everything about configuration. Imports nothing of ours; everyone may import it."""
