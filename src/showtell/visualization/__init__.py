"""Results as HTML, charts, terminal and PNG views, with the assets that all pages share."""
