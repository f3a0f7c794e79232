"""Optimizers measured where the truth is known, and on real text."""
