"""An evaluation -> an HTML report."""
