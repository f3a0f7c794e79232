"""Optimizers of whole programs side by side: `python -m benchmarks.programs`."""
