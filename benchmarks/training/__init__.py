"""How fast a trial trains and starts: `python -m benchmarks.training`."""
