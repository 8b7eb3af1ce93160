# `make TARGET` is `python3 make.py TARGET`; `python3 make.py` lists targets and settings.
PYTHON ?= python3
TARGETS := report serve preview test test-slow test-all test-browser test-install entrega tables lint setup clean

.PHONY: $(TARGETS)
.NOTPARALLEL:

# Settings given to make, such as TORCH=cpu, reach make.py through the environment.
$(TARGETS):
	@$(PYTHON) make.py $@
