"""Captions over HTTP: a web page and a REST service around one captioner. Needs the extra `serve`."""
