# The two main commands are `make rehearse` and `make test`. Both set up .venv on first use.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Four test processes on two cores, because a test waits for other processes half of its time.
PROCESSES ?= 4
# The index of PyTorch's CPU builds. The general registry's wheels bring gigabytes of CUDA on Linux.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH = torch==2.13.0+cpu
TORCHVISION = torchvision==0.28.0
EXTRAS = load,report,plan,policy,saml,dask,dev

# Coverage is measured on Python 3.12 and later, whose sys.monitoring makes it cheap. The tracer of 3.11 would make the
# suite a third slower.
COVERAGE = $(shell $(BIN)/python -c 'import sys; print("--cov --cov-report=" if sys.version_info >= (3, 12) else "")')
export COVERAGE_CORE = sysmon
# The suite starts hundreds of processes, which without compiled modules would each compile all that they import.
export PYTHONDONTWRITEBYTECODE =

.PHONY: rehearse test test-torch check test-sdk test-compose images wheels lint bench docs audit lock clean example-report
rehearse: $(VENV)/.installed
	$(BIN)/harness rehearse fixtures/dog_breed/stack.toml

test: $(VENV)/.installed lint
	$(BIN)/pytest -n $(PROCESSES) --dist worksteal $(COVERAGE)

# Runs only the tests that need PyTorch. `make test` skips them on a Python for which PyTorch has no CPU build.
test-torch: $(VENV)/.installed
	$(BIN)/pytest -n $(PROCESSES) --dist worksteal -m torch

# Runs the linters, and the tests of what has changed since the main branch. BASE=HEAD~1 compares with another commit.
BASE ?= main
check: $(VENV)/.installed lint
	$(BIN)/python tests/changed.py $(BASE) | xargs -r $(BIN)/pytest -q -n $(PROCESSES) --dist worksteal

# Builds the images and runs the containers' suite.
test-compose: images
	$(BIN)/pytest -o timeout=900 tests/compose

# Builds the suite's images. Where a build reaches no registry, this machine downloads the wheels.
images: $(VENV)/.installed
	@docker version >/dev/null && docker compose version >/dev/null || { echo "No docker engine with compose answers: harness doctor says more."; exit 1; }
	@$(MAKE) --question wheelhouse/.complete 2>/dev/null \
	  || docker run --rm python:3.11-slim-bookworm pip download --quiet --retries 0 --no-deps --dest /tmp idna >/dev/null 2>&1 \
	  || $(MAKE) wheels
	@PIP_NO_INDEX=$$(ls wheelhouse/*.whl >/dev/null 2>&1 && echo 1) HARNESS_VERSION=tests docker compose --profile load build --quiet

# Downloads everything that the images need, for builds without a network.
wheels: wheelhouse/.complete

wheelhouse/.complete: $(VENV)/.installed
	$(BIN)/pip download --quiet --retries 1 --no-deps --dest wheelhouse --extra-index-url $(TORCH_INDEX) "$(TORCH)" "$(TORCHVISION)"
	$(BIN)/pip download --quiet --dest wheelhouse --find-links wheelhouse -c constraints.txt "$(TORCH)" "$(TORCHVISION)" ".[model,load,report,plan]" hatchling
	@touch $@

# Tests the SageMaker Python SDK 2.x and 3.x, unmodified, each in its own environment (1.3 GB, some minutes at first).
test-sdk: $(VENV)/.installed .sdk/v2/.installed .sdk/v3/.installed
	$(BIN)/pytest tests/sdk

.sdk/v%/.installed:
	$(PYTHON) -m venv .sdk/v$*
	.sdk/v$*/bin/pip install --quiet "sagemaker==$*.*"
	@touch $@

# Looks up known vulnerabilities of the locked versions. If the advisory database does not answer, it says so and skips.
audit: .audit/.installed
	@.ci/audit-jars .audit/wheels
	@.ci/audit .audit/bin/pip-audit -r constraints.txt --no-deps --disable-pip -f json --progress-spinner off

.audit/.installed:
	@$(PYTHON) -m venv .audit
	@.audit/bin/pip install --quiet --retries 1 pip-audit || echo "pip-audit cannot be installed here."
	@mkdir -p .audit/wheels
	@.audit/bin/pip download --quiet --no-deps --dest .audit/wheels -c constraints.txt torchserve || echo "The wheels with jars cannot be downloaded here."
	@touch $@

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed
	$(BIN)/pytest tests/benchmarks --keep-figures --benchmark-columns=median,iqr,rounds --benchmark-sort=name

# Builds the documentation as a site in build/docs. Every warning of Sphinx is an error.
docs: .docs/.installed
	.docs/bin/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs
	@echo "build/docs/index.html"

.docs/.installed: docs/requirements.txt
	$(PYTHON) -m venv .docs
	.docs/bin/pip install --quiet -r docs/requirements.txt
	@touch $@

# Makes the example of a plan's report (docs/examples): five public write-ups, AWS's rule of thumb and the planner's choice
# on two weeks of recorded traffic. It takes eight minutes on two cores.
FIVE = docs/examples/five-write-ups
example-report: $(VENV)/.installed
	$(BIN)/harness plan fixtures/dog_breed/stack.toml --profile fixtures/profiles/dog-breed-torchserve-2-cores.json \
	  --ratio ml.m5.xlarge=2 --traffic fixtures/traffic/nasa-http-1995-07.csv.gz --day 1995-07-07..1995-07-20 --peak 8/s \
	  --p99 1.5s --errors 0.1% --candidates 100 --replications 3 --seed 13 --no-confirm --out $(FIVE) \
	  $(foreach writeup,a b c d e,--compare fixtures/writeups/$(writeup)/stack.toml)
	gzip -9nf $(FIVE)/plan.json
	rm -r $(FIVE)/apply

# torch comes first, in a step of its own, the only one that uses PyTorch's index. torchvision's CPU build comes from there
# too, if the index has it.
$(VENV)/.installed: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade pip uv
	$(BIN)/pip install --retries 1 --no-deps --extra-index-url $(TORCH_INDEX) "$(TORCH)" "$(TORCHVISION)" \
	  || echo "PyTorch's CPU build is not available for this Python here. What needs it does not run, and its tests are skipped."
	$(BIN)/python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("torch"))' && extras=model,$(EXTRAS) || extras=$(EXTRAS); \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[$$extras]" \
	  || $(BIN)/pip install -c constraints.txt -e ".[$$extras]"
	@touch $@

# Writes the newest versions that fit pyproject.toml to constraints.txt. It leaves out the CUDA packages that torch's
# general metadata names.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate --no-header --upgrade pyproject.toml \
	  | grep -vE '^(nvidia-|triton|cuda-|torch==|torchvision==)' > constraints.txt

clean:
	rm -rf $(VENV) .audit .docs build dist runs fixtures/dog_breed/build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .benchmarks
