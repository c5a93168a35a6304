"""Data sets that are drawn by code."""
