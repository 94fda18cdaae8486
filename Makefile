# make run    set everything up and make the sample clip
# make test   set everything up and run the tests
# make check  the same, with the style and type checks first
# make bench  the measurements that the README quotes (some minutes)

PYTHON := .venv/bin/python

.PHONY: run test check setup setup-dev bench clean

run: setup
	@mkdir -p out
	@echo "==> Rendering a walking figure with known truth (about half a minute)"
	@$(PYTHON) -m pipeline walker -o out/walker.mp4 --truth out/walker.npz --sheet out/walker.png
	@echo "==> What Reshoot knows of it"
	@$(PYTHON) -m pipeline probe out/walker.mp4
	@echo "==> Done: look at out/walker.mp4 and out/walker.png"

test: setup-dev
	@echo "==> Running the tests on two processes (about three minutes)"
	@$(PYTHON) -m pytest -n 2 --dist loadfile -q

check: setup-dev
	@echo "==> Checking style and types"
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(MAKE) --no-print-directory test

setup:
	@bash scripts/setup.sh requirements.txt

setup-dev:
	@bash scripts/setup.sh requirements-dev.txt

bench: setup-dev
	@$(PYTHON) -m pip install -q -r benchmarks/requirements.txt -c constraints.txt
	@for each in reading memory chunks store walker stabilize; do $(PYTHON) -m benchmarks.$$each || exit 1; done

clean:
	rm -rf .venv out
