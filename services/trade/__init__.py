"""The money path: order journal, execution, ledger, limits."""
