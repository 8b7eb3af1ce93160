"""Everything the chapters of this report call: convolutions, resampling, data, networks, study.

The order of its modules, from the ground up, is a contract in ``pyproject.toml`` that
``make lint`` checks.
"""
