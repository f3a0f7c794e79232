"""Shipped fakes: what topout's own tests use, for the tests of whoever builds on it."""
