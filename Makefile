# `make demo` and `make test` install what they need, each part once; see `make help`.

PYTHON ?= python3
VSCODE ?=
CHECK ?=
# Where torch comes from. The CPU wheels are far smaller: TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := torch==2.13.0

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

BIN := .venv/bin
PYTHON_PARTS := .venv/.installed
NODE_PARTS := node_modules/.package-lock.json
VSIX := dist/pymodel.vsix
SOURCES := $(shell find extension l10n pymodel server tools -type f -not -name '*.pyc' -not -path '*/tests/*') \
	package.json package.nls.json esbuild.mjs README.md CHANGELOG.md LICENSE .vscodeignore
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help
help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: $(VSIX) $(PYTHON_PARTS) ## Open the sample project in a real VS Code (VSCODE=code: the desktop's; CHECK=1: drive it, and say whether all holds)
	@$(BIN)/python -m tests.e2e.demo $(if $(CHECK),--check) $(if $(VSCODE),--vscode '$(VSCODE)')

.PHONY: test
test: lint types $(VSIX) ## Lint, types, and every test, those in a real VS Code included
	npm test --silent
	$(BIN)/python tests/e2e/vscode/install.py
	$(BIN)/python -m tests.e2e.neovim.install
	$(BIN)/python -m pytest

.PHONY: lint
lint: $(PYTHON_PARTS) $(NODE_PARTS) ## Style and common faults of Python and TypeScript
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	npm run --silent lint

.PHONY: types
types: $(PYTHON_PARTS) $(NODE_PARTS) ## Types of Python and TypeScript
	$(BIN)/mypy
	npm run --silent check

.PHONY: bench
bench: .venv/.installed-bench ## How fast the engine is, goal beside result
	@$(BIN)/python -m tests.bench

.PHONY: corpus
corpus: $(PYTHON_PARTS) ## The engine over whole libraries from PyPI; writes docs/coverage.md, and exports into docs/export.md
	$(BIN)/python -m tests.corpus
	$(BIN)/python -m tests.corpus.exports

.PHONY: soak
soak: $(PYTHON_PARTS) ## 5,000 random steps of editing end as a cold start does; training stopped at 20 steps of each kind and killed 100 times loses nothing
	PYMODEL_SOAK_STEPS=5000 $(BIN)/python -m pytest tests/server/test_random_edits.py
	SOAK=1 $(BIN)/python -m pytest --timeout 3600 tests/engine/test_train_resume.py tests/engine/test_train_crashes.py

.PHONY: package
package: $(VSIX) ## Build the extension's package, dist/pymodel.vsix

.PHONY: clean
clean: ## Remove all that was built or installed here
	rm -rf .venv node_modules out dist bundled screenshots .mypy_cache .ruff_cache .pytest_cache

$(VSIX): $(SOURCES) $(NODE_PARTS) $(PYTHON_PARTS)
	PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent package
	@touch $@

$(PYTHON_PARTS): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, as $(PYTHON). Another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { echo "Python's venv is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing Python packages into .venv …"
	@$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@$(PIP) install --editable '.[dev]'
	@touch $@

.venv/.installed-bench: $(PYTHON_PARTS)
	@echo "Installing what the engine is measured against …"
	@$(PIP) install --editable '.[bench]'
	@touch $@

$(NODE_PARTS): package-lock.json package.json
	@command -v node >/dev/null && command -v npm >/dev/null \
		|| { echo "Node 20 or newer with npm is needed." >&2; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' \
		|| { echo "Node 20 or newer is needed; this is $$(node --version)." >&2; exit 1; }
	@echo "Installing Node packages …"
	@npm install --no-save --no-audit --no-fund --silent  # not ci: it refuses where a registry lacks other platforms' optional parts
	@touch $@
