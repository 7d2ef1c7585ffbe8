# `make demo` shows the product, `make test` proves it. Only CPython 3.11 or newer and make are needed.
# Everything is made inside this folder: .venv (the product), .cache/venv-test (the product and the tools).

SHELL := /bin/sh
.DEFAULT_GOAL := help

# A Python of your own choice: make demo PYTHON=/path/to/python3
PYTHON ?=
# Many tests wait for processes: a small machine runs two workers a processor.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
	if [ $$n -gt 4 ]; then echo $$n; else expr $$n \* 2; fi)
TESTS ?=
DEMO ?=
BINARY ?=

VENV := .venv
TEST_VENV := .cache/venv-test
PORTIONS := bus configs dashboard services supervisor
SOURCES := $(shell find $(PORTIONS) -type f ! -name '*.py[co]' ! -name '*.tmp' 2>/dev/null | grep -v ' ') \
	__init__.py __main__.py pyproject.toml README.md LICENSE NOTICE
DEPENDENCIES := setup.cfg setup.py
FAST := not slow and not bench and not release

# The first candidate that is CPython >= 3.11 and can make virtual environments (Debian splits those off).
define FIND_PYTHON
for candidate in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14 python \
    /usr/bin/python3 /usr/local/bin/python3 /opt/homebrew/bin/python3 \
    "$$HOME"/.pyenv/versions/3.1[1-9]*/bin/python3 "$$HOME"/.local/bin/python3; do \
  if "$$candidate" -c 'import sys, venv, ensurepip; \
sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")' >/dev/null 2>&1; then \
    found="$$candidate"; break; \
  fi; \
done; \
if [ -z "$$found" ]; then \
  echo "CPython 3.11 or newer with venv was not found. Install it (Debian: apt install python3 python3-venv)" \
    "or name it: make PYTHON=/path/to/python3" >&2; exit 2; \
fi
endef

# When only our own code changed, only our own wheel is made anew, and from scratch: setuptools would ship
# files that were deleted since.
define REINSTALL
if [ -e $(1)/fresh ]; then rm $(1)/fresh; else rm -rf .cache/build && \
  $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .; fi
endef

.PHONY: help demo binary test test-again test-slow test-release packages release sbom licences bench lint audit types contracts docs pictures check install install-test clean

help:  ## What can be made here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## Start everything on recorded prices and watch the bot trade (Ctrl-C ends it)
	@exec $(VENV)/bin/cryptobot demo $(DEMO)

# A quarter of an hour on two cores; BINARY="--no-onefile" is quicker, BINARY="--compile" makes C of our code.
binary:  ## Compile the program into dist/: folders and single files (docs/binary.md)
	@$(FIND_PYTHON); NUITKA_CACHE_DIR="$${NUITKA_CACHE_DIR:-$(CURDIR)/.cache/nuitka}" \
	  exec "$$found" build/binary/build.py $(BINARY)

test: $(TEST_VENV)/installed  ## Run the tests (minutes)
	@exec $(TEST_VENV)/bin/pytest -n $(WORKERS) --dist worksteal -m "$(FAST)" $(TESTS)

# A test that fails beside others on a busy machine gets one more run, alone; what fails twice has failed.
test-again: $(TEST_VENV)/installed  ## Run only what failed last, one at a time
	@exec $(TEST_VENV)/bin/pytest -n 0 --last-failed --last-failed-no-failures none -m "$(FAST)" -v

test-slow: $(TEST_VENV)/installed  ## Run the long tests too
	@exec $(TEST_VENV)/bin/pytest -n $(WORKERS) --dist worksteal -m "not bench and not release" --timeout 1800 $(TESTS)

# Binary, packages, SBOM: what is built is built again where it is missing.
test-release: $(TEST_VENV)/installed  ## Prove what is handed out: binary, packages, reproducible builds
	@exec $(TEST_VENV)/bin/pytest -n 0 -m release --timeout 3600 $(TESTS)

# FOLDER names another standalone folder than dist/cryptobot; PACKAGES names kinds (deb rpm appimage ...).
FOLDER ?= dist/cryptobot
PACKAGES ?=
packages: $(TEST_VENV)/installed  ## Make .deb, .rpm, AppImage and the recipes for macOS and Windows
	@$(TEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check ".[release]"
	@$(TEST_VENV)/bin/python build/packages/make.py --folder $(FOLDER) --out dist/packages $(PACKAGES)

# docs/updates.md says which keys lie where and what is done every day.
ACTION ?= publish
REPOSITORY ?= dist/repository
KEYS ?= keys
release: $(TEST_VENV)/installed  ## Sign FOLDER as the newest version (ACTION=begin|publish|timestamp|renew|rotate|layout)
	@$(TEST_VENV)/bin/python build/release/release.py $(ACTION) $(REPOSITORY) \
	  $(if $(filter renew rotate,$(ACTION)),$(ROLE)) $(if $(filter publish layout,$(ACTION)),$(FOLDER)) \
	  $(if $(filter layout,$(ACTION)),$(TARGET) --address $(ADDRESS),--keys $(KEYS)) \
	  $(if $(filter publish,$(ACTION)),$(if $(NOTES),--notes "$(NOTES)") $(if $(CHANNEL),--channel $(CHANNEL)))

sbom: $(TEST_VENV)/installed  ## Write the bill of materials (CycloneDX) to dist/sbom.cdx.json
	@$(TEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check ".[release]"
	@$(TEST_VENV)/bin/python build/hygiene/sbom.py

licences: $(TEST_VENV)/installed  ## Check the licences of all parts and write them to dist/
	@$(TEST_VENV)/bin/python build/hygiene/licences.py

bench: $(TEST_VENV)/installed  ## Measure; prints tables, judges nothing
	@exec $(TEST_VENV)/bin/pytest -n 0 -m bench --timeout 3600 -s $(TESTS)

lint: $(TEST_VENV)/installed  ## Style and security rules
	@$(TEST_VENV)/bin/ruff check .

audit: $(TEST_VENV)/installed  ## Security rules, and known vulnerabilities of the dependencies
	@$(TEST_VENV)/bin/ruff check --select S --ignore S101,S311,S603 .
	@$(TEST_VENV)/bin/python build/audit.py

# The checkout is the package, whatever its folder is called: mypy is shown it under its own name.
types: $(TEST_VENV)/installed  ## Check the types
	@mkdir -p .cache/types && ln -sfn ../.. .cache/types/cryptobot
	@MYPYPATH=.cache/types $(TEST_VENV)/bin/mypy --strict -m cryptobot -m cryptobot.__main__ \
	  $(foreach portion,$(PORTIONS),-p cryptobot.$(portion))

contracts: $(TEST_VENV)/installed  ## Check who imports whom
	@$(TEST_VENV)/bin/lint-imports

# Needs Debian's chromium (or CRYPTOBOT_CHROMIUM=/path/to/it).
pictures: $(TEST_VENV)/installed  ## Take the pictures of every page that docs/dashboard.md shows
	@$(TEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check pillow
	@exec $(TEST_VENV)/bin/python tests/browser/screenshots.py --demo --out docs/images

docs: $(TEST_VENV)/installed  ## Write the generated pages of docs/
	@$(TEST_VENV)/bin/python -m cryptobot.supervisor.cli.reference docs
	@$(TEST_VENV)/bin/python -m cryptobot.configs.reference docs
	@$(TEST_VENV)/bin/python -m cryptobot.supervisor.states_page > docs/states.md

check: lint types contracts  ## lint, types and contracts

install: $(VENV)/installed  ## Install the product into .venv

install-test: $(TEST_VENV)/installed

$(VENV)/ready:
	@$(FIND_PYTHON); echo "Making $(VENV) with $$found" >&2; "$$found" -m venv --clear $(VENV)
	@touch $@

$(VENV)/dependencies: $(VENV)/ready $(DEPENDENCIES)
	@rm -rf .cache/build && $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check .
	@touch $@ $(VENV)/fresh

$(VENV)/installed: $(VENV)/dependencies $(SOURCES)
	@$(call REINSTALL,$(VENV))
	@touch $@

$(TEST_VENV)/ready:
	@$(FIND_PYTHON); echo "Making $(TEST_VENV) with $$found" >&2; "$$found" -m venv --clear $(TEST_VENV)
	@touch $@

$(TEST_VENV)/dependencies: $(TEST_VENV)/ready $(DEPENDENCIES)
	@rm -rf .cache/build && $(TEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check ".[test]"
	@touch $@ $(TEST_VENV)/fresh

$(TEST_VENV)/installed: $(TEST_VENV)/dependencies $(SOURCES)
	@$(call REINSTALL,$(TEST_VENV))
	@touch $@

clean:  ## Remove what was made here (never a home)
	rm -rf $(VENV) .cache dist *.egg-info
