"""Posthorn on one machine: the AWS template on an emulator, with a receiver and demo data.

`python -m local run` starts it. Nothing in `layers/` or `functions/` imports this package.
"""
