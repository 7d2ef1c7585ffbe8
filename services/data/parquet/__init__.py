"""Reads flat columns of Parquet files with numpy and cramjam alone (docs/decisions/0061)."""
