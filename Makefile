# `make demo`, `make test` and `make bench` all work on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-long bench lint types imports unit format clean install

demo: install
	$(BIN)/longriver score data.path=tests/data/persuasion output.path=runs/demo
	@echo
	@echo "Next: $(BIN)/longriver verify output.path=runs/demo"
	@echo "      $(BIN)/longriver score data.path=YOUR_TEXTS output.path=runs/mine cluster.kind=ray"
	@echo "      $(BIN)/longriver score --help"

test: install lint types imports unit

# BENCH=--quick, or what `python -m tests.bench --help` lists
bench: install
	$(BIN)/python -m tests.bench $(BENCH)

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt "torch==2.13.0"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	mkdir -p build/typing && ln -sfn ../.. build/typing/longriver
	$(BIN)/mypy -p longriver.jobs -p longriver.pipeline -p longriver.engine -p longriver.kernels

imports: install
	$(BIN)/lint-imports

# half of the time the tests wait, so two processes take half as long
unit: install
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

# more of the same, and comparisons with heavy packages
test-long: install
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,test-long]"
	$(BIN)/pytest -m long --numprocesses 2 --dist loadgroup

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf build dist *.egg-info runs .venv
