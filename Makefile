# leveret. Two commands on a fresh machine: `make run` (a running chain) and `make test`; `make help` lists the rest.
#
# Needed: Python 3.11, 3.12 or 3.13 and bash. Everything else goes into .venv, pinned by the lock files, and again
# only when they change. pip's own settings (PIP_* variables, pip.conf) hold.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: run test check conformance bench bench-gas fuzz mutants fetch-tests clean help
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# PYTHON=/path/to/python3.12 chooses the interpreter of a new .venv; else the first of these that is of the right version.
PYTHON ?= python3 python3.13 python3.12 python3.11
# For `make run`, `make test`, `make bench` and `make bench-gas`: flags and arguments passed on.
ARGS ?=
# For `make conformance`.
ENGINE ?= reference
# For `make fuzz`.
COUNT ?= 100000
# For `make fetch-tests`.
ETHEREUM_TESTS_COMMIT := 4c87ebbf024a3e9ec842bcce90564f629a3bcd82
SPEC_TESTS_RELEASE := v5.4.0

define CREATE_VENV
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then \
  chosen=; \
  for python in $(PYTHON); do \
    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then chosen=$$python; break; fi; \
  done; \
  if [ -z "$$chosen" ]; then \
    echo "leveret needs Python 3.11, 3.12 or 3.13 and found none of them: install one, or say make PYTHON=/path/to/python3.12 $@." >&2; exit 1; \
  fi; \
  echo "Creating .venv with $$("$$chosen" --version)."; \
  rm -rf .venv; \
  "$$chosen" -m venv .venv || { rm -rf .venv; exit 1; }; \
fi
endef

# $(1) is run or dev, $(2) the lock file. .venv/installed says which set is there, and from which files.
define INSTALL
$(CREATE_VENV); \
wanted=$$(cat requirements.lock requirements-dev.lock pyproject.toml | cksum); \
have=$$(cat .venv/installed 2>/dev/null || true); \
if [ "$$have" != "$$wanted dev" ] && [ "$$have" != "$$wanted $(1)" ]; then \
  count=$$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' $(2) | sort -u | wc -l); \
  echo "Installing about $$((count)) packages into .venv; the first time this takes a minute or two."; \
  .venv/bin/python -m pip install --no-deps --progress-bar off -r $(2) 2>&1 | tee .venv/install.log | { \
    fetched=0; \
    while IFS= read -r line; do \
      case $$line in \
        Collecting*|Processing*|Requirement*) fetched=$$((fetched + 1)); \
          if [ -t 1 ]; then printf '\r  %d of %d\033[K' "$$fetched" "$$count"; \
          elif [ $$((fetched % 10)) = 0 ]; then echo "  $$fetched of $$count"; fi ;; \
        Installing*) [ -t 1 ] && printf '\r\033[K'; echo "  all fetched, writing them to disk" ;; \
      esac; \
    done; \
    if [ -t 1 ]; then printf '\r\033[K'; fi; \
  } && .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . >>.venv/install.log 2>&1 \
  || { tail -n 15 .venv/install.log; echo "Installing failed; the whole of pip's output is in .venv/install.log." >&2; exit 1; }; \
  echo "$$wanted $(1)" >.venv/installed; \
fi
endef

run:  ## start a chain on 127.0.0.1:8545 (ARGS="--port 9545 ..." passes flags on)
	@$(call INSTALL,run,requirements.lock)
	@exec .venv/bin/leveret node $(ARGS)

test:  ## run the tests (ARGS="-k nonce" passes arguments to pytest)
	@$(call INSTALL,dev,requirements-dev.lock)
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check:  ## the static half: ruff, mypy, and the tests that read the source
	@$(call INSTALL,dev,requirements-dev.lock)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/python -m pytest -q tests/tidy

conformance:  ## run every public Ethereum state and block test on ENGINE (reference), with a summary by folder
	@$(call INSTALL,dev,requirements-dev.lock)
	@exec .venv/bin/python -m tests.conformance --engine $(ENGINE) --jobs 2 $(ARGS)

bench:  ## measure transfers, batches, blocks with and without machine code, and engines against revm, results checked
	@$(call INSTALL,dev,requirements-dev.lock)
	@exec .venv/bin/leveret bench $(ARGS)

bench-gas:  ## measure the ns/gas of every opcode and precompile (ARGS="--engine reference", ARGS=KECCAK)
	@$(call INSTALL,dev,requirements-dev.lock)
	@exec .venv/bin/leveret bench gas $(ARGS)

fuzz:  ## compare engines and machine code on COUNT random programs (100,000), with revm and EELS (ARGS="--fork osaka")
	@$(call INSTALL,dev,requirements-dev.lock)
	@exec .venv/bin/python -m tests.differential --count $(COUNT) --jobs 2 $(ARGS)

mutants:  ## check that the suite finds small wrongs in the engine: minutes for each (ARGS="--count 20 --seed 1")
	@$(call INSTALL,dev,requirements-dev.lock)
	@exec .venv/bin/python -m tests.mutants $(ARGS)

# ethereum/tests at one commit (MIT) and a release of execution-spec-tests (CC0), both from github.com.
fetch-tests:  ## download the public Ethereum tests (about 300 MB) into .tools/tests
	@if [ -d .tools/tests ]; then echo "Already there: .tools/tests (remove it to fetch again)."; exit 0; fi; \
	rm -rf .tools/partial && mkdir -p .tools/partial/eest; \
	fetch() { \
	  echo "Fetching $$1"; \
	  curl -fL --progress-bar -o .tools/partial.tar.gz "$$1" && tar -xzf .tools/partial.tar.gz --strip-components 1 -C "$$2" \
	    || { rm -rf .tools/partial .tools/partial.tar.gz; echo "Could not fetch $$1: this needs curl and the network." >&2; exit 1; }; \
	}; \
	fetch https://github.com/ethereum/tests/archive/$(ETHEREUM_TESTS_COMMIT).tar.gz .tools/partial; \
	fetch https://github.com/ethereum/execution-spec-tests/releases/download/$(SPEC_TESTS_RELEASE)/fixtures_stable.tar.gz .tools/partial/eest; \
	rm -f .tools/partial.tar.gz; \
	for folder in GeneralStateTests BlockchainTests TransactionTests TrieTests RLPTests eest/state_tests eest/blockchain_tests; do \
	  [ -d .tools/partial/$$folder ] || { echo "The archives changed their shape: $$folder is missing in .tools/partial." >&2; exit 1; }; \
	done; \
	mv .tools/partial .tools/tests; echo "The tests are in .tools/tests."

clean:  ## remove .venv, caches and what was built; downloaded tests and your chains stay
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.tools/*' -prune -exec rm -rf {} +

help:  ## this list
	@sed -n 's/^\([a-z-]*\):  ## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done
