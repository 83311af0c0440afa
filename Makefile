# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0

BIN := .venv/bin
INPUTS := requirements.lock pyproject.toml tools/setup.sh tools/uv.txt tools/debian-packages.txt
PYTEST := $(BIN)/pytest

.PHONY: help up setup test check unit net vm browser bench format lock vendor reference clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

up: .setup/up ## set up, then start the example site on http://127.0.0.1:8420
	@exec $(BIN)/pumphouse up site

setup: .setup/up ## leave .venv/bin/pumphouse, with everything it needs

.setup/up: $(INPUTS)
	@tools/setup.sh up
	@mkdir -p .setup && touch $@

.setup/test: $(INPUTS)
	@tools/setup.sh test
	@mkdir -p .setup && touch $@ .setup/up

test: check unit net vm browser ## set up, then check and run every test that this machine can run

check: .setup/test ## format, lint, types, import walls, licences
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/reuse lint --quiet
	$(BIN)/python tools/reference.py --check

unit net vm browser: .setup/test ## the tests of one kind
	$(PYTEST) tests/$@ $(PYTEST_$@)

PYTEST_unit := -n 2
PYTEST_net := -n 2

bench: .setup/test ## the benchmarks: ratios with their spread, nothing judged by the clock
	$(PYTEST) tests/bench -s

format: .setup/test ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .setup/test ## resolve requirements.lock and tools/uv.txt anew
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --generate-hashes --universal --python-version 3.11 \
		--no-header --upgrade -o requirements.lock
	echo uv | $(BIN)/uv pip compile -q - --generate-hashes --universal --no-header --upgrade -o tools/uv.txt

vendor: .setup/test ## fetch the browser libraries anew (needs npm)
	$(BIN)/python tools/vendor.py

clean: ## remove what was made here, except the site's data
	rm -rf .venv .setup node_modules tests/artifacts dist

reference: .setup/test ## write docs/reference anew from the code
	$(BIN)/python tools/reference.py
