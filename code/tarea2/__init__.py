"""Everything the chapters of this report call: convolutions, resampling, data, networks, study.

The modules stand in one order, and each imports only from those above it: ``convolution``,
``resampling``, ``datasets``, ``models``, ``metrics``, ``training``, ``results``, ``experiments``,
``plots``, ``pages``, ``cli``. Nothing is imported here, so ``import tarea2`` costs no time.
"""
