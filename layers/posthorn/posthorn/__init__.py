"""Posthorn: serverless delivery of a platform's integration events as signed webhooks.

`functions/` translates Lambda events into one call of this package; this package decides.
"""

__version__ = "0.1.0"
