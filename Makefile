# make demo: install into .venv and run the demonstration.
# make test: the same .venv with the developers' tools; every check, then the tests.
# make docs: the documentation as a site in build/site.
# make clean: remove what builds, tests and the demonstration left (.venv stays).
# Needs Python >= 3.12, make and git. To choose the Python: make test PYTHON=/path/to/python3.12

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=

.PHONY: demo test lint types docs which-python clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/bayes-scaling demo

test: lint types
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# Type checkers and import-linter cannot see the three folders beside the package, so they read an installed
# copy, from inside it: the current folder comes first on their path.
types: $(VENV)/.installed-dev
	$(plain_copy)
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p bayes_scaling
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache ../../tests/typing/door.py
	cd build/types && ../../$(BIN)/lint-imports --config ../../pyproject.toml --no-cache --no-logo

docs: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(plain_copy)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

define plain_copy
rm -rf build
$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target build/types .
endef

$(VENV)/.installed: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(VENV)/.installed $@

$(BIN)/python:
	@$(find_python); "$$found" -m venv --clear $(VENV)

which-python:
	@$(find_python)

# Each candidate is run, not only looked up: a pyenv shim exists for versions that are not active, and
# Debian's Python comes without ensurepip.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))

define find_python
found=; \
for candidate in "$(PYTHON)" python3.12 python3.13 python3.14 python3 python \
  "$$(uv python find '>=3.12' 2>/dev/null)" "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python; do \
  if "$$candidate" -c '$(SUITABLE)' </dev/null >/dev/null 2>&1; then found=$$candidate; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "No Python 3.12 or later with venv and ensurepip was found. Install one, for instance" >&2; \
  echo "  apt-get install python3.12-venv | brew install python@3.12 | pyenv install 3.12 | uv python install 3.12" >&2; \
  echo "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
  exit 1; \
fi; \
echo "Python: $$found"
endef

clean:
	rm -rf build dist demo htmlcov .coverage *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find bayes_scaling models kernels data tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
