"""EC2 images as AWS documents them, in place of moto's sketch of them."""

from moto.ec2.responses import EC2Response

from . import amazon_images, backend, settling
from .operations import ImageOperations


def install() -> None:
    """Replace moto's operations on images and snapshots."""
    for name, operation in vars(ImageOperations).items():
        if callable(operation) and not name.startswith("__"):
            setattr(EC2Response, name, operation)
    amazon_images.install()
    backend.install()
    settling.install()
