# Every target creates what it needs: the first command on a fresh clone may be any of these.
PYTHON ?= python3
# Some environments forbid compiled modules, and each of the suite's many processes would then
# compile all of them: .7 s.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AUDIT := $(VENV)/audit
# Four at a time, a file to each: tests of servers and processes mostly wait. In the order of the
# folders: the many short files of tests/unit come last and keep all busy until the end.
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test coverage unit lint bench quality broker chaos conformance fuzz hostile failover jaeger pictures dashboard lock audit image clean

demo: $(READY)
	$(BIN)/pynomaly demo

# All tests; ARGS names a part.
test: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

# The same with the coverage of lines in the test processes, which takes twice the processor time.
coverage: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term

# What needs no server: a few minutes.
unit: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit $(ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m bench $(ARGS)

quality: $(READY)
	$(BIN)/python -m bench.everyday $(EVERYDAY)
	$(BIN)/python -m bench.quality $(ARGS)

# The detector contract, on every detector: half an hour.
conformance: $(READY)
	$(BIN)/python -m tests.conformance $(ARGS)

# Mutated messages, a million of JSON and of each other format: each an event or a reject.
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(ARGS)
	$(BIN)/python -m tests.fuzz.formats $(ARGS)

# The server: 100,000 hostile requests, schemathesis on all that its description allows, 50 kills.
hostile: $(READY)
	$(BIN)/python -m tests.hostile $(ARGS)
	$(BIN)/python -m tests.hostile.described
	$(BIN)/python -m tests.hostile.killed

# Two servers behind nginx, PostgreSQL with a replica, and Redis, while each of them is killed.
failover: $(READY)
	$(BIN)/python -m tests.hostile.failover $(ARGS)

chaos: $(READY)
	$(BIN)/python -m tests.chaos $(ARGS)

# Traces in a real Jaeger, built from its source on first use: it needs Go.
jaeger: $(READY)
	PYNOMALY_TEST_JAEGER=1 $(BIN)/python -m pytest tests/integration/test_jaeger.py

# The pictures in README and docs, drawn of what runs today: six minutes.
pictures: $(READY) dashboard
	$(BIN)/pynomaly demo --picture docs/demo.svg

# The picture of a dashboard, of a pipeline that runs for four minutes.
dashboard: $(READY)
	$(BIN)/python -m tests.support.dashboard_picture $(ARGS)

# A real Kafka on this machine, with TOPICS, and its command-line tools in the environment.
broker: $(READY)
	$(BIN)/python -m tests.support.kafka_broker --tools $(BIN) --port $(or $(PORT),9092) $(addprefix --topic ,$(TOPICS))

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header -q
lock:
	$(COMPILE) pyproject.toml --group dev --extra all -o requirements.lock
	$(COMPILE) pyproject.toml --extra all --no-annotate -c requirements.lock -o deploy/container/run.lock
	$(COMPILE) pyproject.toml --no-annotate -c requirements.lock -o deploy/container/core.lock
	$(COMPILE) --group image --no-annotate -c requirements.lock -o deploy/container/tools.lock
	$(COMPILE) --group audit --no-annotate -c requirements.lock -o deploy/container/audit.lock

# Known vulnerabilities of everything that is locked; says so where no advisory database is reachable.
audit: $(AUDIT)/.ready
	$(AUDIT)/bin/python deploy/container/audit.py requirements.lock deploy/container/tools.lock deploy/container/audit.lock

# Needs docker, podman or buildah; BASE names another base image.
image:
	deploy/container/build

clean:
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 13) else "Pynomaly needs Python 3.11 or 3.12 (Bytewax has no newer wheels): make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(AUDIT)/.ready: $(READY) deploy/container/audit.lock
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r deploy/container/audit.lock
	touch $@
