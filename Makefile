# One command each; README.md says which to begin with. Everything lives in .venv/ and VAR_DIR (var/).

.DEFAULT_GOAL := help
.PHONY: help run test check lint house format faults bench deploy-test sbom advisories reset venv-run venv-tests
# A variable given to make (`make run PORT=8010`) reaches the recipe like one given to the shell.
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
# Which are asked whether they can make the environment.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3

help:
	@echo "make run      serve the demo on http://127.0.0.1:8000/ (PORT=..., SANDBOX_PORT=..., SLANT_BASE_URL=...)"
	@echo "make test     the whole suite: SQLite, PostgreSQL, a real browser"
	@echo "make check    lint and the fast tests, for daily use"
	@echo "make lint     ruff, mypy, djlint, import-linter, the figures of make house, missing migrations"
	@echo "make house    the figures of readability: line and file lengths, names used twice, complexity"
	@echo "make format   let the formatters settle style"
	@echo "make faults   the fault tests at full length"
	@echo "make deploy-test  do what docs/operations.md says on a fresh machine (root; ARGS=page|upgrade|machines|load)"
	@echo "make bench    measure every page beside its own floor, at three sizes, on both databases"
	@echo "make sbom     list what production runs (docs/sbom.json), after requirements.txt or static/vendor/ changed"
	@echo "make advisories  look up known vulnerabilities of it; wants the internet"
	@echo "make reset    remove local state"

# `exec`, so that a signal sent to make reaches the demo and not a shell between them.
run: venv-run
	@exec $(PYTHON) manage.py demo

test: venv-tests
	@$(PYTHON) -m tests.support.run test $(ARGS)

check: venv-tests
	@$(PYTHON) -m tests.support.run lint
	@$(PYTHON) -m tests.support.run check $(ARGS)

lint: venv-tests
	@$(PYTHON) -m tests.support.run lint

house: venv-tests
	@$(PYTHON) -m tests.support.house

format: venv-tests
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m djlint templates --reformat --quiet

faults: venv-tests
	@$(PYTHON) -m tests.support.run faults $(ARGS)

bench: venv-tests
	@$(PYTHON) -m tests.support.run bench $(ARGS)

deploy-test: venv-tests
	@$(PYTHON) -m tests.support.run deploy-test $(ARGS)

sbom: venv-tests
	@$(PYTHON) -m tests.support.sbom

# Strict: a package that could not be looked up fails too, for "nothing known" must not mean "nobody asked".
advisories: venv-tests
	@$(PYTHON) -m pip_audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements.txt

reset:
	@test -x $(PYTHON) || { echo "Nothing to remove: make run was never used here."; exit 0; }; \
	exec $(PYTHON) -m slantweb.demo_env reset

venv-run:
	@$(call install,requirements.txt opportunities/sandbox/requirements.txt)

venv-tests:
	@$(call install,tests/requirements.txt)

# A Python that is new enough and can make virtual environments; "old" or "incomplete" where only such were found.
# One that was built with optimisations comes first: a plain build, as pyenv makes it, takes an eighth more time.
# Distributions optimise theirs and do not say so, therefore a Python below /usr counts as optimised.
find_python = \
	found=""; plain=""; for candidate in $(PYTHONS); do \
		$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if ! $$candidate -c 'import ensurepip, venv' 2>/dev/null; then found=incomplete; continue; fi; \
		if $$candidate -c '$(is_optimised)' 2>/dev/null; then found=$$candidate; plain=""; break; fi; \
		plain=$${plain:-$$candidate}; \
	done; \
	if [ -n "$$plain" ]; then found=$$plain; \
		echo "Note: $$(command -v $$plain) was built without optimisations. Pages take an eighth more time with it." >&2; \
	fi; \
	case "$$found" in \
		"") echo "Slantweb needs Python 3.11 or newer, and found: $$(python3 --version 2>&1)." >&2; exit 1;; \
		incomplete) echo "This Python has no venv module. On Debian: apt-get install python3-venv" >&2; exit 1;; \
	esac

is_optimised = import sys, sysconfig; \
	sys.exit("--enable-optimizations" not in sysconfig.get_config_var("CONFIG_ARGS") and sys.base_prefix != "/usr")

# Make the environment and install the lists $(1) into it, unless these very lists are what was installed last. The
# stamp is their checksum: a checkout touches files without changing them.
define install
	stamp=$(VENV)/installed-$(subst /,-,$(lastword $(1))); want=$$(cat $(1) | cksum); \
	if [ "$$(cat $$stamp 2>/dev/null)" = "$$want" ] && $(PYTHON) -c '' 2>/dev/null; then exit 0; fi; \
	if ! $(PYTHON) -c '' 2>/dev/null; then $(find_python); \
		echo "Setting up $(VENV)/ (once; about half a minute)..." >&2; \
		$$found -m venv --clear $(VENV) || exit 1; \
	fi; \
	$(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$(1)) || exit 1; \
	echo "$$want" > $$stamp
endef
