"""What LocalStack's libraries do anew for each request, and need not.

Twisted parses each Content-Type with Python's parser of e-mails, which makes classes for it, and keeps the lines of an
access log that nobody reads: LocalStack has one of its own. moto lists all methods of a service to find the one that
was called. Together they took a sixth of LocalStack's time.
"""

import functools

from moto.core import responses
from twisted.web import http


def install() -> None:
    """Patch Twisted and moto."""
    # A form with files has a boundary of its own in each request, so not all are kept.
    http._parseContentType = functools.lru_cache(maxsize=100)(http._parseContentType)
    http.HTTPFactory.log = lambda _factory, _request: None
    # A service's methods are complete when it is called.
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
