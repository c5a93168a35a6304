# `make demo` and `make test` set up everything they need in .venv; PYTHON names another interpreter than python3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test test-fast check docs site bench dist clean

demo: .venv/demo.stamp
	.venv/bin/showtell caption examples/photos --html demo.html
	@echo "Open demo.html in a browser."

# The tests run in several processes at a time, each a file of tests, so that what a file shares is made once.
WORKERS ?= 2

# Threads that wait for work must not spin: the tests run many processes on few cores.
test test-fast: export OMP_WAIT_POLICY = PASSIVE

test: .venv/test.stamp check
	.venv/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile

# What needs neither PyTorch nor a browser: a minute or so, with a small environment of its own.
test-fast: .venv-fast/test.stamp
	.venv-fast/bin/python -m pytest --fast --numprocesses $(WORKERS) --dist loadfile

check: .venv/test.stamp
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# Pages that are made from the source.
docs: .venv/test.stamp
	.venv/bin/python docs/generate.py
	.venv/bin/python docs/make_api.py

# site/: the documentation as a site, for a web server or a browser alone. A link that leads nowhere is an error.
site: .venv/site.stamp
	.venv/bin/mkdocs build

# dist/: an sdist and a wheel, both checked.
dist: | .venv/bin/python
	.venv/bin/python .ci/supply_chain.py build

# BENCH_PICTURES names a folder or zip of JPEGs; without it pictures are drawn.
bench: .venv/bench.stamp
	.venv/bin/python benchmarks/captioning.py $(if $(BENCH_PICTURES),--pictures $(BENCH_PICTURES)) --write docs/results/benchmarks.md

# Showtell alone: no PyTorch. LOCKED=1 installs only the files whose hashes requirements-demo.txt lists.
.venv/demo.stamp: pyproject.toml requirements-demo.txt | .venv/bin/python
	$(if $(LOCKED),$(PIP) --require-hashes -r requirements-demo.txt)
	$(PIP) $(if $(LOCKED),--no-deps --no-build-isolation) -c constraints.txt -e .
	@touch $@

.venv/test.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt torch
	$(PIP) -c constraints.txt -e '.[test]'
	@touch $@ .venv/demo.stamp

.venv/site.stamp: pyproject.toml | .venv/bin/python
	$(PIP) -c constraints.txt -e '.[docs]'
	@touch $@ .venv/demo.stamp

.venv-fast/test.stamp: pyproject.toml
	test -x .venv-fast/bin/python || $(PYTHON) -m venv .venv-fast
	$(subst .venv/,.venv-fast/,$(PIP)) -c constraints.txt -e '.[test-fast]'
	@touch $@

.venv/bench.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt torch
	$(PIP) -c constraints.txt -e '.[bench]'
	@touch $@ .venv/demo.stamp

.venv/bin/python:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv .venv-fast build dist demo.html runs site
