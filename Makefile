# make run    opens SLATE; make test runs every check. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
HEADLESS ?= .venv-headless
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# The tests start some thousand processes, which would read every module from its text each time.
unexport PYTHONDONTWRITEBYTECODE
# How many processes share the tests; empty for none but one.
WORKERS ?= -n 2 --dist loadfile
# The tests with servers wait for most of their time: one more than most machines have cores.
SERVER_WORKERS ?= $(if $(WORKERS),-n 3 --dist loadfile)

.DEFAULT_GOAL := help
.PHONY: help run test lint types style layers collected images unit tests tests-here headless bench screenshots docs \
	translations bundle deb portable flatpak wheel server-deb check-server-deb format clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.desktop ## set everything up and open the window
	@packaging/debian-packages.sh run
	$(BIN)/slate-desktop

# What comes before the tests keeps one core busy, or waits for the network: three at a time.
test: ## install what the tests need and run every check
	@packaging/debian-packages.sh test
	@$(MAKE) --no-print-directory -j 3 lint images $(HEADLESS)/.ready
	@$(MAKE) --no-print-directory headless tests

lint: types style layers collected

types: $(VENV)/.dev
	$(BIN)/basedpyright --level error

style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

layers: $(VENV)/.dev
	$(BIN)/lint-imports

# A test that cannot be imported is found here in seconds, not after all others ran.
collected: $(VENV)/.dev
	@mkdir -p build
	$(BIN)/python -m pytest tests --collect-only -qq --no-summary -p no:cacheprovider >build/collected.txt || { tail -n 40 build/collected.txt; exit 1; }

images: $(VENV)/.dev ## make the images that tests run in Docker
	$(BIN)/python -m tests.services.images

# The window's tests have processes of their own: Qt, its loop and the collector stay undisturbed by
# what hundreds of other tests leave behind. All tests of a file run in one of the processes. The
# unit tests need neither Qt nor a server: `headless` runs them, where both are missing.
tests: $(VENV)/.dev
	$(BIN)/python -m tests.services.images $(MAKE) --no-print-directory tests-here

tests-here:
	$(BIN)/python -m pytest tests/gui $(WORKERS) $(PYTEST_ARGS)
	$(BIN)/python -m pytest tests --ignore=tests/gui --ignore=tests/unit $(SERVER_WORKERS) $(PYTEST_ARGS)

unit: $(VENV)/.dev ## the quick tests alone
	$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

headless: $(HEADLESS)/.ready ## the unit tests where Qt is not installed
	$(HEADLESS)/bin/python -c "import importlib.util as u, sys; sys.exit('Qt is installed here' if u.find_spec('PySide6') else 0)"
	$(HEADLESS)/bin/python -m pytest tests/unit $(WORKERS) $(PYTEST_ARGS)

bench: $(VENV)/.dev ## the benchmarks: ratios against peers, minutes
	@packaging/debian-packages.sh test
	$(BIN)/python -m tests.bench

screenshots: $(VENV)/.dev ## write docs/images from the real program
	@packaging/debian-packages.sh test
	for part in "" --previews --dialogs --jobs --german; do $(BIN)/python packaging/screenshots.py $$part || exit 1; done
	$(BIN)/python packaging/gallery.py

docs: $(VENV)/.dev ## build the user guide into build/site
	$(BIN)/python packaging/docs/build.py

translations: $(VENV)/.dev ## bring resources/translations up to date with the code
	$(BIN)/python packaging/translations.py --todo

bundle: $(VENV)/.dev ## build the installed program into build/bundle
	$(BIN)/python -m pip install --quiet 'pyinstaller>=6.11,<7'
	$(BIN)/python packaging/bundle/build.py --output build/bundle

deb portable: bundle ## make a Debian package, or a portable folder, in dist
	$(BIN)/python packaging/linux/assemble.py $@ build/bundle/slate-desktop --output dist

flatpak: portable ## make a Flatpak of the portable folder (needs flatpak-builder)
	packaging/flatpak/build.sh "$$(ls -t dist/*-linux-*.tar.xz | head -n 1)"

wheel: $(VENV)/.dev ## make the wheel and the sources in dist
	$(BIN)/python -m pip install --quiet 'hatchling>=1.26'
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build -d dist

server-deb: $(VENV)/.dev ## make the Debian package of a server in dist
	$(BIN)/python packaging/server/build_deb.py --output dist

check-server-deb: server-deb ## install the server's package into a bare Debian 12 and use it there, offline
	packaging/server/check-in-root.sh "$$(ls -t dist/slate-server_*.deb | head -n 1)"

check-deb check-portable: check-%: % ## install the package into a bare Debian 12 and use it there, offline
	packaging/linux/check-in-root.sh "$$(ls -t dist/slate-desktop*$(if $(filter deb,$*),.deb,.tar.xz) | head -n 1)"

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the environments and build results
	rm -rf $(VENV) $(HEADLESS) build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.desktop: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[desktop]'
	$(BIN)/python -m compileall -q -j 0 slate_desktop
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[desktop,dev]'
	$(BIN)/python -m compileall -q -j 0 slate_desktop
	@touch $@ $(VENV)/.desktop

$(HEADLESS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(HEADLESS)
	$(HEADLESS)/bin/python -m pip install --quiet --editable '.[assets]' 'pytest>=8.4,<10' \
		'pytest-asyncio>=1.4,<2' 'pytest-timeout>=2.4,<3' 'pytest-xdist>=3.8,<4' \
		'hypothesis>=6.120,<7'
	@touch $@
