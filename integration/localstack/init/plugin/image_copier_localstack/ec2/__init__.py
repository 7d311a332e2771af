"""EC2 images as AWS documents them, in place of moto's sketch of them."""

from moto.ec2.responses import EC2Response

from . import amazons, backend, settling
from .operations import ImageOperations


def install() -> None:
    """Replace moto's operations on images and snapshots."""
    for name, operation in vars(ImageOperations).items():
        if callable(operation) and not name.startswith("__"):
            setattr(EC2Response, name, operation)
    amazons.install()
    backend.install()
    settling.install()
