"""A shim for Python 3.12, which Ubuntu 24.04 has among others: LocalStack imports what came with 3.13."""

import warnings

import typing_extensions


def install() -> None:
    """Add what is missing to the standard library."""
    if not hasattr(warnings, "deprecated"):
        warnings.deprecated = typing_extensions.deprecated
