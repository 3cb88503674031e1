"""Pruners of other libraries and ours on the same recorded curves, slots and virtual clock."""
