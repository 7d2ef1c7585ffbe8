"""Orders, executions, ledger, positions, always-on limits. `service.py` puts the parts together."""
