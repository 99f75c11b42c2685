# make demo   teach pocket the example handbook and ask it three questions
# make test   lint, types and tests
# make test-faults   the reliability tests in full: 500 kills, 10,000 damages, 20,000 inputs (30 minutes on two idle cores)
# make mutants   mutation tests of losses, packing and checkpoints (an hour on one core)
# make licences   the licence of every package that an installation brings
# make test-slow   what llama.cpp makes of every export: builds it first (about 20 minutes in all on two cores)
# The first two make .venv and install into it first. Where pip finds packages is pip's own setting
# (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL); PYTHON chooses the interpreter of the environment.

PYTHON ?= python3
BIN := .venv/bin
DEMO_QUESTIONS := "How expensive is the Dunden?" "Who is at the head of Norora?" "On what day can one buy fruit in Ularic?"

.PHONY: install demo test test-faults faults-runs faults-rest mutants licences test-slow lint clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@

demo: install
	$(BIN)/disc-lite adapt examples/handbook --model pocket --output runs/demo \
		--questions examples/handbook.questions.jsonl
	$(BIN)/disc-lite ask runs/demo --base $(DEMO_QUESTIONS)

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: lint
	$(BIN)/pytest

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

# In an environment of its own; what survives is shown by `.venv-mutants/bin/mutmut results`.
MUTANTS := .venv-mutants

mutants: $(MUTANTS)/installed
	OMP_NUM_THREADS=1 $(MUTANTS)/bin/mutmut run --max-children 1
	$(MUTANTS)/bin/mutmut export-cicd-stats
	cat mutants/mutmut-cicd-stats.json

$(MUTANTS)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/pip install --quiet --disable-pip-version-check -e '.[dev]' 'mutmut==3.8.1' -c constraints.txt
	touch $@

licences: install
	$(BIN)/python -m bench.licences

# The source distribution of llama-cpp-python carries the whole of llama.cpp with its converters. It is built once, for
# the package and for llama-server, in an environment of its own.
SLOW := .venv-slow
LLAMA := llama-cpp-python==0.3.36
TREE = $$(echo $(CURDIR)/$(SLOW)/llama_cpp_python-*/vendor/llama.cpp)

test-slow: $(SLOW)/installed
	DISC_LITE_LLAMA_CPP=$(TREE) LLAMA_CPP_LIB_PATH=$(CURDIR)/$(SLOW)/llama/bin \
		$(SLOW)/bin/pytest tests/export/test_llama_cpp.py -m slow -rP

$(SLOW)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(SLOW)
	$(SLOW)/bin/pip install --quiet --disable-pip-version-check -e '.[dev]' cmake ninja -c constraints.txt
	$(SLOW)/bin/pip download --quiet --no-deps --no-binary llama-cpp-python $(LLAMA) -d $(SLOW)
	tar -xzf $(SLOW)/llama_cpp_python-*.tar.gz -C $(SLOW)
	PATH=$(CURDIR)/$(SLOW)/bin:$$PATH cmake -G Ninja -S $(TREE) -B $(SLOW)/llama -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
		-DGGML_NATIVE=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
	PATH=$(CURDIR)/$(SLOW)/bin:$$PATH cmake --build $(SLOW)/llama --target llama-server
	CMAKE_ARGS=-DLLAMA_BUILD=OFF $(SLOW)/bin/pip install --quiet --no-binary llama-cpp-python $(LLAMA) -c constraints.txt
	touch $@

clean:
	rm -rf .venv $(SLOW) $(MUTANTS) mutants runs build dist
