"""How the account did over any period: figures, comparison, attribution, reports."""
