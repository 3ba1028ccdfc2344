# `make` lists what can be done. Each target sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup report site test lab bench derived store fix oracles clean

python := .venv/bin/python
ready := .venv/.ready

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'ARGS="…" goes on to the command behind report, site, test, lab and bench.'

setup: $(ready) ## make the environment in .venv

report: $(ready) ## make a report of every lesson, in reports/
	@$(python) -m helpers report --out reports $(ARGS)

site: $(ready) ## make a static site of all lessons, in _site/
	@$(python) -m helpers site --out _site $(ARGS)

test: $(ready) ## run every check and test
	@$(python) tools/check.py -- $(ARGS)

lab: $(ready) ## open the lessons in JupyterLab
	@cd notebooks && ../$(python) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

bench: $(ready) ## time the kit against what one would run otherwise
	@$(python) -m benchmarks $(ARGS)

derived: $(ready) ## make anew what follows from pyproject.toml and uv.lock
	@$(python) tools/derive.py

store: $(ready) ## run the lessons and store their outputs
	@$(python) -m nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False --ExecutePreprocessor.store_widget_state=False \
		--NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor \
		--CoalesceStreamsPreprocessor.enabled=True \
		notebooks/*.ipynb

fix: $(ready) ## format the code and mend what the linter can
	@$(python) -m ruff check --fix-only .
	@$(python) -m ruff format .

oracles: ## make the values in tests/oracles anew (needs R and its package survival)
	@command -v Rscript >/dev/null || { \
		echo 'Rscript is missing. Debian: apt-get install r-base-core r-recommended' >&2; exit 2; }
	@for script in tests/oracles/*.R; do echo "$$script"; Rscript "$$script" || exit 1; done

clean: ## remove all that was made: the environment, caches, reports, site
	rm -rf .venv .tools reports _site dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

$(ready): pyproject.toml uv.lock
	@tools/setup.sh

# An environment holds its place: set up again what was moved or renamed.
ifneq ($(shell cat $(ready) 2>/dev/null),$(CURDIR))
.PHONY: $(ready)
endif
