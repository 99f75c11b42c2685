# make demo   teach pocket the example handbook and ask it three questions
# make test   lint, types and tests
# make test-faults   the reliability tests in full: 500 kills, 10,000 damages, 20,000 inputs (11 to 22 minutes on two cores)
# make mutants   mutation tests of losses, packing and checkpoints (less than an hour on one core)
# make licences   the licence of every package that an installation brings
# make test-slow   what llama.cpp makes of every export (a few minutes on two cores)
# All of them make .venv and install into it first. Where pip finds packages is pip's own setting
# (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL); PYTHON chooses the interpreter of the environment.

PYTHON ?= python3
BIN := .venv/bin
DEMO_QUESTIONS := "How expensive is the Dunden?" "Who is at the head of Norora?" "On what day can one buy fruit in Ularic?"

.PHONY: install demo test style types tests test-faults faults-runs faults-rest mutants licences test-slow lint clean

install: .venv/installed

# pip would compile 12,000 modules in 50 s, most of which are never imported; the others are compiled when they are.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -e '.[dev]' -c constraints.txt
	touch $@

demo: install
	$(BIN)/disc-lite adapt examples/handbook --model pocket --output runs/demo \
		--questions examples/handbook.questions.jsonl
	$(BIN)/disc-lite ask runs/demo --base $(DEMO_QUESTIONS)

lint: style types

style: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: install
	$(BIN)/mypy

# The types beside the tests, since mypy has one thread. The tests on two cores; a file's tests on one of them, since they
# share what they made; long files first (tests/conftest.py).
test: style
	$(MAKE) -j2 types tests

tests: install
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Whole runs on one core, everything else on the other; both write what they reached into one file for the documentation.
FIGURES = bench/results/reliability.json
FAULTS = DISC_LITE_FAULTS=full OMP_NUM_THREADS=1 DISC_LITE_FIGURES=$(FIGURES) $(BIN)/pytest
RUNS = tests/run/test_resume.py tests/run/test_full_disk.py

test-faults: install
	$(MAKE) -j2 faults-runs faults-rest
	$(BIN)/python docs/generate.py

faults-runs:
	$(FAULTS) $(RUNS)

faults-rest:
	$(FAULTS) $$($(BIN)/python docs/generate.py --tests | grep -v -F "$$(printf '%s\n' $(RUNS))")

# In an environment of its own; `.venv-mutants/bin/mutmut results` lists what survives, `mutmut show NAME` the change.
# What was tried is not tried again, so it can be interrupted; `rm -r mutants` begins anew.
MUTANTS := .venv-mutants

mutants: $(MUTANTS)/installed
	OMP_NUM_THREADS=1 $(MUTANTS)/bin/mutmut run --max-children 1
	$(MUTANTS)/bin/python -m bench.reliability.mutants
	$(MUTANTS)/bin/python docs/generate.py

$(MUTANTS)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/pip install --quiet --disable-pip-version-check -e '.[dev]' 'mutmut==3.8.1' -c constraints.txt
	touch $@

licences: install
	$(BIN)/python -m bench.licences

# llama.cpp itself is in the package xllamacpp. Its converters are in the source distribution of llama-cpp-python, which
# is unpacked and not built.
SLOW := .llama.cpp
SOURCE := llama-cpp-python==0.3.36
TREE = $$(echo $(CURDIR)/$(SLOW)/llama_cpp_python-*/vendor/llama.cpp)

test-slow: install $(SLOW)/unpacked
	DISC_LITE_LLAMA_CPP=$(TREE) $(BIN)/pytest tests/exporting/test_llama_cpp.py -m slow -rP

$(SLOW)/unpacked: Makefile
	rm -rf $(SLOW)
	$(BIN)/pip download --quiet --no-deps --no-binary llama-cpp-python $(SOURCE) -d $(SLOW)
	tar -xzf $(SLOW)/llama_cpp_python-*.tar.gz -C $(SLOW)
	touch $@

clean:
	rm -rf .venv $(SLOW) $(MUTANTS) mutants runs build dist
