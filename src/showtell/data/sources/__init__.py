"""Folders, archives, lists and addresses -> a stream of (name, bytes); one file for each kind of source."""
