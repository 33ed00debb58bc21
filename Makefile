# The one entry to everything a developer does; CI calls the same targets.
.DELETE_ON_ERROR:
.PHONY: bench-cluster fleet help setup tools demo test apitest imagetest charts image cluster e2e gates cov lint format type bench agreement fuzz sim worlds mutants docs lock clean ci

BIN := .venv/bin
READY := .venv/.ready
FUZZER := .venv/.fuzzer
IMAGER := .venv/.imager
ARGS ?=

# Images with Python set it. Each of the thousands of interpreters that the tests start would then
# compile all of the sidecar anew, and each worker all tests.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

# Written last, so that a broken installation is tried again, and a finished one costs nothing.
$(READY): .ci/lock-dev.txt .ci/setup pyproject.toml
	.ci/setup python
	@touch $@

setup: $(READY) tools ## a virtual environment with all that is pinned, and the tools of the tests

tools: ## the daemons and tools that the tests run against
	@.ci/setup tools

demo: $(READY) ## a bad and a good edit, on this machine, without a cluster
	$(BIN)/surehup demo $(ARGS)

# Tests wait more than they work. JOBS=0 runs them one after another, without worker processes.
JOBS ?= 3
SIDE_BY_SIDE = -n $(JOBS) --dist worksteal

test: setup ## all tests that need no API server; JOBS=3 at a time, ARGS="-k words" for some
	$(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS)

# Cold, the build takes minutes and gigabytes (e2e/build says how many); then it is there for good.
apitest: setup ## the tests on a real Kubernetes API server, which the first run builds; JOBS, ARGS as well
	@e2e/build --check >/dev/null 2>&1 || { .ci/setup go && e2e/build; }
	$(BIN)/pytest -m "apiserver and not charts and not image" $(SIDE_BY_SIDE) $(ARGS)

charts: setup ## the charts: whether what is made from them is up to date, lint, and their tests
	@e2e/build --check charts >/dev/null 2>&1 || { .ci/setup go && e2e/build charts; }
	$(BIN)/python -m charts.generate --check
	$(BIN)/pytest -m charts -o testpaths=tests/charts $(ARGS)

image: $(READY) ## the sidecar's image, by docker or buildah: localhost/surehup:VERSION
	@docker/build

CLUSTER ?= kind

cluster: setup ## a cluster that stays, CLUSTER=kind or node; e2e/kind/down, e2e/node/down end it
	@e2e/$(CLUSTER)/up

# Cold, everything is compiled first, as for apitest: Kubernetes, a container runtime, kind.
e2e: setup ## the tests in a cluster: KUBECONFIG's, or one made of CLUSTER=kind or node; JOBS=3, ARGS as well
	@e2e/build --check helm >/dev/null 2>&1 || { .ci/setup go && e2e/build helm; }
	CLUSTER=$(CLUSTER) $(BIN)/pytest -n $(JOBS) --maxschedchunk=1 -o testpaths=e2e $(ARGS)

# As the fuzzer, apart: only who looks at the image needs it.
$(IMAGER): .ci/lock-image.txt $(READY)
	$(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install \
		--no-deps --require-hashes --requirement .ci/lock-image.txt
	@touch $@

imagetest: setup $(IMAGER) image ## whether the image holds what it needs and no more; as root
	$(BIN)/hadolint Dockerfile
	@e2e/build --check >/dev/null 2>&1 || { .ci/setup go && e2e/build; }
	$(BIN)/pytest -m image -o testpaths=tests/image $(ARGS)

cov: setup ## all tests, and what they leave uncovered
	$(MAKE) test ARGS="--cov --cov-report= $(ARGS)"
	$(MAKE) apitest ARGS="--cov --cov-append --cov-report= $(ARGS)"
	$(MAKE) gates

gates: $(READY) ## whether the last coverage is enough
	$(BIN)/coverage report --include='sidecar/core/*' --fail-under=100
	$(BIN)/coverage report --fail-under=95

lint: $(READY) ## style, formatting, and which room may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

format: $(READY) ## format everything
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

type: $(READY) ## static types of the package, its tests and benches
	$(BIN)/mypy -p sidecar
	$(BIN)/mypy tests
	$(BIN)/mypy e2e
	$(BIN)/mypy bench

BENCHES ?= core reload rest load

bench: setup ## the numbers of the README, one table a bench; BENCHES="rest load" for some
	@for bench in $(BENCHES); do $(BIN)/python -m bench.$$bench || exit 1; done

bench-cluster: setup ## the numbers of docs/e2e.md, on a real kubelet: CLUSTER as for e2e; ARGS="--others 20"
	@e2e/build --check helm >/dev/null 2>&1 || { .ci/setup go && e2e/build helm; }
	CLUSTER=$(CLUSTER) $(BIN)/python -m bench.cluster $(ARGS)

agreement: setup ## where the Alertmanager rules and amtool agree, and where not
	$(BIN)/python -m bench.agreement $(ARGS)

# Apart from the other pins: it is large, and there is none for every machine.
$(FUZZER): .ci/lock-fuzz.txt $(READY)
	$(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install \
		--no-deps --require-hashes --requirement .ci/lock-fuzz.txt
	@touch $@

SECONDS ?= 60

fuzz: $(FUZZER) ## feeds every parser nonsense for SECONDS=60; ARGS="yaml elf" for some
	$(BIN)/python -m tests.fuzz.campaign $(SECONDS) $(ARGS)

SEEDS ?= 1000
FIRST ?= 1

sim: $(READY) ## plays SEEDS=1000 histories of a whole fleet from FIRST=1 on; SEED=17 for the story of one
	@$(BIN)/python -m tests.sim $(if $(SEED),--seed $(SEED),--first $(FIRST) --seeds $(SEEDS)) $(ARGS)

worlds: $(READY) ## explores every order of events in small worlds of two and three replicas
	@$(BIN)/python -m tests.sim.worlds $(ARGS)

mutants: $(READY) ## breaks the core in known ways and sees the tests notice each
	@$(BIN)/python tests/mutants.py $(ARGS)

docs: $(READY) ## whether every link between the documents leads somewhere
	$(BIN)/python .ci/links.py

fleet: setup ## many sidecars on one real API server: N=1000
	$(BIN)/python -m bench.fleet --sidecars $(or $(N),1000) $(ARGS)

lock: $(READY) ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --group dev pyproject.toml -o .ci/lock-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -c .ci/lock-dev.txt pyproject.toml -o .ci/lock-runtime.txt

clean: ## all that can be made again
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ci: ## what CI runs
	.ci/run
