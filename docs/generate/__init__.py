"""The pages of docs/reference, written from the code: `make docs` runs this.

A test compares the pages with what this writes, so nothing here may depend on the machine.
"""
