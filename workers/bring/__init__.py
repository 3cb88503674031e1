"""Trials that were not written for this service: a Trainer's, or any command line."""
