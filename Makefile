# make run        set everything up and make the sample clip
# make test       set everything up and run the tests
# make quick      only the tests that are quick, for work in progress
# make check      the same, with the style and type checks first
# make coverage   the tests, and which lines none of them reaches
# make bench      the measurements beside other tools (some minutes)
# make gallery    one page of all looks over the sample walker; with CLIP=path over that clip too
# make clean      remove .venv, out and the example
#
# PYTHON=/path/to/python3.11 chooses the Python that .venv is made with.

VENV := .venv/bin/python
# Where it is set, each of the hundreds of processes that the tests start would compile this project's own modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test quick check coverage setup setup-dev bench gallery clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

run: setup
	@mkdir -p out
	@echo "==> Rendering a walking figure with known truth (about half a minute)"
	@$(VENV) -m pipeline walker -o out/walker.mp4 --truth out/walker.npz --sheet out/walker.png --overlay out/walker-truth.mp4
	@echo "==> What Reshoot knows of it"
	@$(VENV) -m pipeline probe out/walker.mp4
	@echo "==> Restyling it (about half a minute; the first time half a minute more, for compiling)"
	@$(VENV) -m pipeline generate out/walker.mp4 -o out/restyled.mp4 --preset fast --look watercolour --report out/report
	@echo "==> Done: look at out/restyled.mp4, and open out/report/report.html in a browser"
	@echo "==> To go on: . .venv/bin/activate && python app.py, and open http://localhost:7860"

test: setup-dev
	@echo "==> Running the tests on three processes (about half an hour on two cores)"
	@bash scripts/run_tests.sh

quick: setup-dev
	@bash scripts/run_tests.sh -m "not slow"

check: setup-dev
	@echo "==> Checking style and types"
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m mypy
	@$(MAKE) --no-print-directory test

coverage: setup-dev
	@$(VENV) -m coverage run -m pytest -q
	@$(VENV) -m coverage combine -q
	@$(VENV) -m coverage report

setup:
	@bash scripts/setup.sh requirements-core.txt

setup-dev:
	@bash scripts/setup.sh requirements-dev.txt

bench: setup-dev
	@$(VENV) -m pip install -q -r benchmarks/requirements.txt -c constraints.txt
	@for each in reading memory chunks store walker stabilize keyframes journey worker app speech promise finish finish_zoom; do $(VENV) -m benchmarks.$$each || exit 1; done

gallery: setup
	@$(VENV) -m benchmarks.gallery out/gallery $(if $(CLIP),"$(CLIP)")

clean:
	rm -rf .venv out .showcase
