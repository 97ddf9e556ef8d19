"""Posthorn on a laptop: the template of AWS on an emulator, with a receiver and demo data.

`python -m local run` starts it. Nothing in `layers/` or `functions/` knows of this package.
"""
