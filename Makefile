# make demo   the main job on phantoms, and each kind of image task: no download, no GPU
# make test   lint, types and the fast tests
# Both make .venv and install into it when that has not been done.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
DEMO := CXRBENCH_CACHE=.demo/cache $(BIN)/cxrbench

.PHONY: demo test test-slow lint types format docs clean

demo: $(INSTALLED)
	$(DEMO) run --demo --model cogaze-tiny,pixel-stats --task nih-100pct \
	    --protocol linear-probe@1 --seeds 3 --runs .demo/runs
	$(DEMO) run --suite quick --model cogaze-tiny,pixel-stats \
	    --task '*-zeroshot,mimic-5x200,siim-seg' --runs .demo/runs
	$(DEMO) leaderboard --include unranked --runs .demo/runs --out .demo/leaderboards

test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

test-slow: $(INSTALLED)
	$(BIN)/pytest -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy cxrbench models tasks benchmarks

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable '.[dev,docs]'
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv .demo build dist *.egg-info

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(INSTALLED)
