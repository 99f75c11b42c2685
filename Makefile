# make demo   teach pocket the example handbook and ask it three questions
# make test   lint, types and tests
# make test-slow   what llama.cpp makes of every export (a few minutes on two cores)
# All of them make .venv and install into it first. Where pip finds packages is pip's own setting
# (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL); PYTHON chooses the interpreter of the environment.

PYTHON ?= python3
BIN := .venv/bin
DEMO_QUESTIONS := "How expensive is the Dunden?" "Who is at the head of Norora?" "On what day can one buy fruit in Ularic?"

.PHONY: install demo test test-slow lint clean

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

# llama.cpp itself is in the package xllamacpp. Its converters are in the source distribution of llama-cpp-python, which
# is unpacked and not built.
SLOW := .llama.cpp
SOURCE := llama-cpp-python==0.3.36
TREE = $$(echo $(CURDIR)/$(SLOW)/llama_cpp_python-*/vendor/llama.cpp)

test-slow: install $(SLOW)/unpacked
	DISC_LITE_LLAMA_CPP=$(TREE) $(BIN)/pytest tests/export/test_llama_cpp.py -m slow -rP

$(SLOW)/unpacked: Makefile
	rm -rf $(SLOW)
	$(BIN)/pip download --quiet --no-deps --no-binary llama-cpp-python $(SOURCE) -d $(SLOW)
	tar -xzf $(SLOW)/llama_cpp_python-*.tar.gz -C $(SLOW)
	touch $@

clean:
	rm -rf .venv $(SLOW) runs build dist
