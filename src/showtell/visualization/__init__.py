"""What a run produced, as a page to look at in a browser."""
