"""Simulated runs with known truth: fits the verdict's calibration and measures its errors."""
