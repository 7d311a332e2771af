"""LocalStack start hook: loads Image Copier's plugin into the LocalStack process."""

import importlib
import sys
from pathlib import Path

from localstack import config

# LocalStack runs hooks with exec() and no __file__, so the init folder is asked from LocalStack.
sys.path.insert(0, str(Path(config.dirs.init) / "plugin"))
importlib.import_module("image_copier_localstack").install()
