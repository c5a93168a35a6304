"""Captions over HTTP: a web page and a REST service around one captioner. Needs the extra `serve`.

`app` has the routes, `service` the path of a request, `engine` the thread that captions, and `page` the files of the
web page. `watch_app`, `watch_state` and `watch_page` are the page of a training run (`showtell train --watch`).
"""
