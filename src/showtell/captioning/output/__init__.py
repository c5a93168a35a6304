"""Captions -> text, JSON lines, CSV, Parquet, an HTML page, or the terminal."""
