# Everything starts here; each target first sets up what it needs (.venv from the pinned files).
# PYTHON=… names another interpreter, ARGS=… are further arguments, ONLY=… one benchmark.
PYTHON ?= python3
PY := .venv/bin/python
PIP_COMPILE := .venv/bin/pip-compile --quiet --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe

# Without compiled files every process would compile the whole house again, which takes a second.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo flask migrate test chaos bench lint spec screenshots pins setup setup-dev

help:
	@echo "make run          everything on one machine, with the platforms simulated; Ctrl-C ends it"
	@echo "make demo         the same and a scripted evening on it, then a report"
	@echo "make flask ARGS=  a command of the product, as ARGS=\"audit\""
	@echo "make migrate      bring the schema of the database up"
	@echo "make test         the tests, on real PostgreSQL and Redis"
	@echo "make chaos        longer runs of the fault tests"
	@echo "make bench        benchmarks (ONLY=name for one)"
	@echo "make lint         ruff, mypy, the import contracts, the API document"
	@echo "make spec         write docs/openapi.json from the code"
	@echo "make screenshots  pictures of every page in var/screenshots"
	@echo "make pins         pin requirements*.in anew"

# Shown when there is no Python at all; what else may be wrong with it, the script itself says.
HAS_PYTHON = command -v $(PYTHON) >/dev/null || \
	{ echo "Python 3.11 or newer is needed as $(PYTHON); or say PYTHON=..." >&2; exit 1; }

setup:
	@$(HAS_PYTHON)
	@$(PYTHON) tools/setup_environment.py run

setup-dev:
	@$(HAS_PYTHON)
	@$(PYTHON) tools/setup_environment.py dev

run: setup
	@exec $(PY) -m app.machine run

demo: setup
	@exec $(PY) -m app.machine demo $(ARGS)

flask: setup
	@exec $(PY) -m app.machine flask $(ARGS)

migrate: setup
	@exec $(PY) -m app.machine migrate

test: setup-dev
	@exec $(PY) -m pytest -n 2 --dist worksteal $(ARGS)

chaos: setup-dev
	@exec $(PY) -m pytest tests/faults tests/races tests/flash_sale --chaos $(ARGS)

bench: setup-dev
	@$(PYTHON) tools/install_wrk.py || true  # only flash sales need it
	@ONLY="$(ONLY)" exec $(PY) -m benchmarks $(ARGS)

lint: setup-dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m flask --app app.cli openapi --check

spec: setup
	@exec $(PY) -m flask --app app.cli openapi

screenshots: setup-dev
	@$(PYTHON) tools/install_browser.py
	@exec $(PY) -m app.machine screenshots

pins: setup-dev
	$(PIP_COMPILE) --output-file requirements.txt requirements.in
	$(PIP_COMPILE) --output-file requirements-dev.txt requirements-dev.in
