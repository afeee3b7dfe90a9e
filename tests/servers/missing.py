"""The word with which tests are skipped where a real server cannot be had."""


class Missing(Exception):  # noqa: N818 - not an error of the tests
    """What a real server needs is not on this machine; the text says what to install."""
