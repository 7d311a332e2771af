"""botocore's descriptions of services.

LocalStack and moto make many sessions of botocore. Each parsed the descriptions of its services anew, those of EC2
three times for the import of moto: a fifth of the time to start.
"""

import functools

from botocore.loaders import JSONFileLoader


def install() -> None:
    """Patch botocore."""
    parsed = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    JSONFileLoader.load_file = lambda _loader, file_path: parsed(file_path)
