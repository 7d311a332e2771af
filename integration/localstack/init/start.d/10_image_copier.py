"""LocalStack start hook: loads Image Copier's plugin into the LocalStack process."""

import sys
import warnings
from pathlib import Path

import typing_extensions
from localstack import config

# LocalStack imports it from here, where only Python 3.13 has it. Ubuntu 24.04, among others, has 3.12.
if not hasattr(warnings, "deprecated"):
    warnings.deprecated = typing_extensions.deprecated

# LocalStack runs hooks with exec() and no __file__, so the init folder is asked from LocalStack.
sys.path.insert(0, str(Path(config.dirs.init) / "plugin"))

import image_copier_localstack

image_copier_localstack.install()
