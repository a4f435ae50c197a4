# make demo: install, index the shipped sounds, search them.   make test: lint, types, all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIBRARY := .demo/library.sqlite
INPUTS := pyproject.toml constraints.txt

# Packages of Debian's that the tests of something need, where they may be installed.
define install-debian
if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
  echo "== Installing $(1) for the tests of $(2)"; \
  (apt-get install -y -qq --no-install-recommends $(1) \
    || { apt-get update -qq && apt-get install -y -qq --no-install-recommends $(1); }) \
    > /dev/null || echo "$(1) could not be installed"; \
else echo "For the tests of $(2), install $(1)."; fi
endef

.PHONY: demo test test-cluster hear browsers lua disks check docs format bench mutants sbom audit figures screenshots vendor clean

demo: $(VENV)/installed
	@echo "== Indexing the sounds in demo/sounds into $(LIBRARY)"
	@mkdir -p $(dir $(LIBRARY))
	@$(BIN)/soundkin index demo/sounds --library $(LIBRARY)
	@for sound in bd_tek drum_cymbal_open drum_snare_hard; do \
	  echo; echo "== What sounds like $$sound?   soundkin search demo/sounds/$$sound.flac"; \
	  $(BIN)/soundkin search demo/sounds/$$sound.flac --exclude-self --top 4 \
	    --library $(LIBRARY) || exit $$?; \
	done
	@echo
	@echo "Hear them, look at them, wander through them (the page opens in your browser):"
	@echo "  $(BIN)/soundkin serve --library $(LIBRARY)"
	@echo
	@echo "Now your own sounds:"
	@echo "  $(BIN)/soundkin index ~/Music"
	@echo "  $(BIN)/soundkin search SOUND.wav --from 1.5 --to 2.5"
	@echo "  $(BIN)/soundkin --help"

# Three at once on any machine: on two cores one of them mostly waits, for a browser or a second to pass.
test: check browsers lua disks
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# Ray on several nodes of this machine; it gives up where its processes take over 15 s to start.
test-cluster: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/cluster/cluster_index.py tests/cluster/cluster_serve.py \
	  tests/cluster/cluster_train.py

# HEAR's validator says that it needs TensorFlow, which it needs for others' models alone.
hear: $(VENV)/installed-dev
	$(BIN)/pip install --quiet --no-deps --upgrade --target build/hearvalidator hearvalidator==2021.0.2
	PYTHONPATH=build/hearvalidator $(BIN)/python -m pytest tests/embedding/test_hear_validator.py

# The page is tested in Chromium, and its main ways in Firefox; without them those tests are skipped, or
# fail where CI=true.
browsers:
	@missing=""; \
	command -v chromium chromium-browser google-chrome > /dev/null || missing="chromium"; \
	command -v firefox-esr firefox > /dev/null || missing="$$missing firefox-esr"; \
	test -n "$$missing" || exit 0; \
	$(call install-debian,$$missing,the page)

# The script for REAPER is run by Lua and checked by luacheck; without them as without browsers.
lua:
	@command -v lua5.4 > /dev/null && command -v luacheck > /dev/null && command -v curl > /dev/null \
	  && exit 0; $(call install-debian,lua5.4 lua-check curl,the script for REAPER)

# Disks as Windows and macOS have them are mounted by FUSE, where this system lets one.
disks:
	@test ! -e /dev/fuse || command -v fusermount3 > /dev/null \
	  || { $(call install-debian,fuse3,other systems' disks); }

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@for system in linux darwin win32; do \
	  echo "$(BIN)/mypy --platform $$system"; $(BIN)/mypy --platform $$system || exit $$?; done
	$(BIN)/lint-imports --no-logo

# The documentation as pages to read and search without a network: build/site/index.html.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev
	@test -n "$(FOLDERS)" || { echo "give real recordings: make bench FOLDERS=~/Music"; exit 2; }
	$(BIN)/python -m benchmarks.speed.index $(FOLDERS)
	$(BIN)/python -m benchmarks.speed.cold_start

# Wrong sound files by the thousands; SEED=1 makes others.
mutants: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.fuzz.run --seed $(or $(SEED),0) --keep build/mutants

# What the default install consists of, as CycloneDX: build/sbom.json.
sbom: $(VENV)/installed-dev build/default/installed
	$(BIN)/cyclonedx-py environment build/default --pyproject pyproject.toml \
	  --output-reproducible --output-format JSON --output-file build/sbom.json

# Known vulnerabilities of every pinned version; asks a service on the network.
audit: $(VENV)/installed-dev
	@mkdir -p build && rm -f build/audit.json
	@$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner off \
	  --format json --output build/audit.json 2> build/audit.log; status=$$?; \
	if [ -s build/audit.json ]; then tail -n 1 build/audit.log; exit $$status; \
	else echo "Nothing was audited, the service cannot be reached:"; tail -n 1 build/audit.log; exit 2; fi

build/default/installed: $(INPUTS)
	rm -rf build/default
	$(PYTHON) -m venv --without-pip build/default
	$(PYTHON) -m pip --python build/default/bin/python install --quiet -c constraints.txt .
	@touch $@

figures: $(VENV)/installed-dev
	$(BIN)/python -m docs.figures

# Pictures of the page for the README, of the demo library; needs Chromium.
screenshots: $(VENV)/installed-dev browsers
	$(BIN)/python -m docs.screenshots

# Needs Node; only for whoever changes the versions in vendor/package.json.
vendor:
	cd vendor && npm install --no-package-lock --no-audit --no-fund --ignore-scripts
	node vendor/build.mjs vendor/node_modules src/soundkin/web/vendor

clean:
	rm -rf $(VENV) build .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "soundkin needs Python 3.11 or newer; choose one: make PYTHON=python3.12"; exit 1; }
	@echo "== Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(INPUTS) | $(VENV)/bin/pip
	@echo "== Installing soundkin and what it needs into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/installed-docs: $(INPUTS) | $(VENV)/bin/pip
	@echo "== Installing soundkin and what makes its pages into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-dev: $(INPUTS) | $(VENV)/bin/pip
	@echo "== Installing soundkin and its development tools into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/installed $(VENV)/installed-docs
