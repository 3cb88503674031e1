"""Benchmarks: each compares in one run, prints a table and writes results/NAME.json."""
