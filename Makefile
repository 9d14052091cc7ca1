# make demo: the whole line on this machine. make help: the other targets.
#
# Needs git, make and Python 3.11 or newer, nothing else. All that is installed goes into .venv.

VENV := .venv
LOCAL_FILES := requirements.txt requirements-pipeline.txt requirements-jobs.txt requirements-local.txt \
	edge/inspector/requirements.txt
DEV_FILES := $(LOCAL_FILES) requirements-checks.txt requirements-dev.txt

# The names of the stamps carry the content of the requirement files: what did not change is not installed again.
LOCAL := $(VENV)/installed-local-$(shell cat $(LOCAL_FILES) | cksum | tr -dc 0-9)
DEV := $(VENV)/installed-dev-$(shell cat $(DEV_FILES) | cksum | tr -dc 0-9)

# What npm installs, which writes these files when it is done: asl-validator for the checks, the library of the
# labeling page, and what its tests in a browser need.
ASL := checks/asl/node_modules/.package-lock.json
PAGE := labeling_app/node_modules/.package-lock.json
BROWSER := tests/browser/node_modules/.package-lock.json

# The venv comes first: the CDK's command line finds its node there, and so do the jobs.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export IMAGES LABELS LABEL_BY_HAND SEED STAY

.PHONY: help demo demo-species doctor push serve test acceptance bench-labeling bench-data-qa check synth clean inputs
.DELETE_ON_ERROR:

help:
	@echo 'make demo                             the whole line, with synthetic pictures; SEED=7'
	@echo 'make demo IMAGES=folder LABELS=file   the same with your own, LABELS as COCO JSON or Ground Truth manifest'
	@echo 'make demo LABEL_BY_HAND=1             you label 12 of them yourself, in a browser; LABEL_BY_HAND=24: so many'
	@echo 'make demo STAY=1                      the cloud stays up afterwards: verify, rebuild, look around'
	@echo 'make demo-species                     a parent that routes to child models, with drawn species; a page to try it'
	@echo 'make demo-species IMAGES=folder       the same with your own, in <group>/<species>/ folders'
	@echo 'make doctor                           what would fail or cost money on AWS, before it does'
	@echo 'make push                             what is committed, through the delivery pipeline; APPROVE=1 asks nobody'
	@echo 'make serve                            a local cloud to push to, until Ctrl-C'
	@echo 'make test                             the tests'
	@echo 'make acceptance                       what takes longer: faults, loads, whole demos'
	@echo 'make bench-labeling                   the next round out of a million images: CPU and memory'
	@echo 'make bench-data-qa                    the check of a million pictures: pictures a second and memory'
	@echo 'make check                            style, types, import rules, and what is synthesized'
	@echo 'make synth                            the CloudFormation templates, in cdk.out'
	@echo 'make clean                            remove what these made'

demo: inputs $(LOCAL) $(PAGE)
	@set -- demo; \
	[ -z "$$IMAGES" ] || set -- "$$@" --images "$$IMAGES"; \
	[ -z "$$LABELS" ] || set -- "$$@" --labels "$$LABELS"; \
	case "$$LABEL_BY_HAND" in \
		"") ;; \
		1) set -- "$$@" --label-by-hand ;; \
		*) set -- "$$@" --label-by-hand "$$LABEL_BY_HAND" ;; \
	esac; \
	[ -z "$$SEED" ] || set -- "$$@" --seed "$$SEED"; \
	[ -z "$$STAY" ] || set -- "$$@" --stay; \
	exec python -m local "$$@"

demo-species: $(LOCAL) $(PAGE)
	@set -- demo-species; \
	[ -z "$$IMAGES" ] || set -- "$$@" --images "$$IMAGES"; \
	[ -z "$$SEED" ] || set -- "$$@" --seed "$$SEED"; \
	[ -z "$$STAY" ] || set -- "$$@" --stay; \
	exec python -m local "$$@"

doctor: $(LOCAL) $(PAGE)
	@exec python -m local doctor

push: $(LOCAL) $(PAGE)
	@exec python -m local push $(if $(APPROVE),--approve)

serve: $(LOCAL) $(PAGE)
	@exec python -m local serve

# Before anything is installed: a person who forgot the labels should not wait for it.
inputs:
	@if [ -n "$$IMAGES" ] && [ -z "$$LABELS" ]; then \
		echo "$$IMAGES: pictures without labels. Give LABELS=<file> too, as COCO JSON or as a Ground Truth output" >&2; \
		echo "manifest: the demo's annotators answer from it, and the model is measured against it." >&2; exit 2; fi
	@if [ -z "$$IMAGES" ] && [ -n "$$LABELS" ]; then \
		echo "$$LABELS: labels without pictures. Give IMAGES=<folder> too." >&2; exit 2; fi

test: $(DEV) $(ASL) $(PAGE) $(BROWSER)
	python -m pytest -m "not acceptance" -n $(or $(WORKERS),auto) --dist loadfile -q

acceptance: $(DEV) $(ASL) $(PAGE) $(BROWSER)
	@# In the order of their names: sorted by how many tests they have, the longest files would come last.
	python -m pytest -m acceptance -n $(or $(WORKERS),3) --dist loadfile --no-loadscope-reorder -q --durations=20

bench-labeling: $(DEV)
	python benchmarks/labeling.py

bench-data-qa: $(DEV)
	python benchmarks/data_qa.py

check: $(DEV) $(ASL) synth
	ruff check .
	ruff format --check .
	mypy
	mypy benchmarks
	lint-imports
	python -m checks cdk.out

# The library's own validation takes as long as all the rest, and is one of the checks.
synth: $(LOCAL) $(PAGE)
	CDK_VALIDATION=false cdk synth --quiet

clean:
	rm -rf $(VENV) .venv.lock checks/asl/node_modules labeling_app/node_modules tests/browser/node_modules cdk.out local_run local_species local_cloud .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCAL):
	@$(call install,requirements-local.txt)

$(DEV): $(LOCAL)
	@$(call install,requirements-dev.txt)

$(ASL) $(PAGE) $(BROWSER): %/node_modules/.package-lock.json: %/package-lock.json | $(LOCAL)
	@command -v flock >/dev/null && { exec 9>.venv.lock; flock 9; }; \
	[ $@ -nt $< ] || npm ci --prefix $* --silent --no-audit --no-fund

# Two makes side by side must not install into one environment. Bytecode is left to the first import: compiling
# all of a gigabyte of packages takes longer than the few that are imported ever save.
define install
command -v flock >/dev/null && { exec 9>.venv.lock; flock 9; }; \
[ ! -e $@ ] || exit 0; \
for python in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	python=; \
done; \
[ -n "$$python" ] || { echo "no Python 3.11 or newer, with venv, found by name (python3, python3.11, ...): install one" >&2; exit 2; }; \
echo "Installing $(1) into $(VENV): some minutes, once ..."; started=$$(date +%s); \
rm -f $(filter-out $(LOCAL) $(DEV),$(wildcard $(VENV)/installed-*)); \
$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $$python -m venv --clear $(VENV) || exit 1; \
$(VENV)/bin/python -m pip install -qq --no-compile --disable-pip-version-check -r $(1) && touch $@ && \
echo "Installed in $$(( $$(date +%s) - started )) s"
endef
