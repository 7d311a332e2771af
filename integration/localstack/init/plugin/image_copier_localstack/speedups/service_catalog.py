"""The index by which LocalStack finds the service of a request.

It builds it from the models of all services at the first request, for two seconds, and keeps it with its other files,
which are new with each LocalStack of this project. The image of LocalStack brings it along. Here it is kept with the
installation.
"""

import os
import sys
from pathlib import Path

from localstack.aws import spec
from localstack.utils.patch import patch


def install() -> None:
    """Patch the building of the index."""

    @patch(spec.build_service_index_cache)
    def build_service_index_cache(original, file_path):
        kept = Path(sys.prefix) / Path(file_path).name
        if kept.exists():
            return spec.load_service_index_cache(str(kept))
        index = original(file_path)
        try:
            # Several may start at a time, and no one may see a part of it.
            partial = kept.with_suffix(f".{os.getpid()}")
            partial.write_bytes(Path(file_path).read_bytes())
            partial.replace(kept)
        except OSError:
            pass  # not ours to write to: it is built again
        return index
