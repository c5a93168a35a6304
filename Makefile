# `make demo` and `make test` set up everything they need in .venv; PYTHON names another interpreter than python3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test check bench clean

demo: .venv/demo.stamp
	.venv/bin/showtell caption examples/photos --html demo.html
	@echo "Open demo.html in a browser."

test: .venv/test.stamp check
	.venv/bin/python -m pytest

check: .venv/test.stamp
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# BENCH_PICTURES names a folder or zip of JPEGs; without it pictures are drawn.
bench: .venv/bench.stamp
	.venv/bin/python benchmarks/captioning.py $(if $(BENCH_PICTURES),--pictures $(BENCH_PICTURES)) --write docs/results/benchmarks.md

# Showtell alone: no PyTorch.
.venv/demo.stamp: pyproject.toml | .venv/bin/python
	$(PIP) -c constraints.txt -e .
	@touch $@

.venv/test.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt torch
	$(PIP) -c constraints.txt -e '.[test]'
	@touch $@ .venv/demo.stamp

.venv/bench.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt torch
	$(PIP) -c constraints.txt -e '.[bench]'
	@touch $@ .venv/demo.stamp

.venv/bin/python:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv build dist demo.html runs
