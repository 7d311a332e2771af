"""LocalStack start hook: loads Image Copier's plugin into the LocalStack process."""

import functools
import importlib
import sys
import warnings
from pathlib import Path

import typing_extensions
from botocore.loaders import JSONFileLoader
from localstack import config

# LocalStack imports it from here, where only Python 3.13 has it. Ubuntu 24.04, among others, has 3.12.
if not hasattr(warnings, "deprecated"):
    warnings.deprecated = typing_extensions.deprecated

# LocalStack and moto make many sessions of botocore. Each parsed the descriptions of its services anew, those of EC2
# three times for the import of moto: a fifth of the time to start.
parsed = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
JSONFileLoader.load_file = lambda _loader, file_path: parsed(file_path)

# LocalStack runs hooks with exec() and no __file__, so the init folder is asked from LocalStack.
sys.path.insert(0, str(Path(config.dirs.init) / "plugin"))
importlib.import_module("image_copier_localstack").install()
