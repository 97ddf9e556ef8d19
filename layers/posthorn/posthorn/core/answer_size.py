"""The size of an answer as Lambda counts it.

A function's answer to an HTTP API is JSON of at most 6,291,556 bytes, in which the body is a
string, so each quote and backslash of the body takes one byte more. Above that size the gateway
answers 502.
"""

LAMBDA_BYTES = 6_291_556
BUDGET_BYTES = 5 * 1024 * 1024  # of one answer; the rest is for headers and the frame


def counted_bytes(json_text: str) -> int:
    """The bytes that this part of a body takes in the function's answer."""
    return len(json_text.encode()) + json_text.count('"') + json_text.count("\\")
