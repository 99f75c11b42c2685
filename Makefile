# make demo   teach pocket the example handbook and ask it three questions
# make test   lint, types and tests
# Both make .venv and install into it first. Where pip finds packages is pip's own setting
# (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL); PYTHON chooses the interpreter of the environment.

PYTHON ?= python3
BIN := .venv/bin
DEMO_QUESTIONS := "How expensive is the Dunden?" "Who is at the head of Norora?" "On what day can one buy fruit in Ularic?"

.PHONY: install demo test lint clean

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

clean:
	rm -rf .venv runs build dist
