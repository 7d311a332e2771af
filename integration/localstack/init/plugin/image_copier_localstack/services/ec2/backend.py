"""What moto's EC2 does with images, snapshots and keys in its other operations."""

from localstack.utils.patch import patch
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.instances import InstanceBackend

from ... import faults
from . import ebs_default_key, keys
from .errors import image_unavailable, snapshot_not_found
from .launch_templates import launched_image
from .model import Image, can_create_volume, find_image, find_snapshot


def install() -> None:
    """Patch moto's model of EC2."""

    @patch(InstanceBackend.run_instances)
    def run_instances(original, self, image_id, *args, **options):
        # LocalStack launches images that do not exist, and still does; but a known one must be available.
        image_id = launched_image(self, image_id, options.get("launch_template"))
        image = find_image(image_id, self.account_id, self.region_name) if image_id else None
        if image is not None and image.state != "available":
            raise image_unavailable(image_id)
        reservation = original(self, image_id, *args, **options)
        for instance in reservation.instances:
            launched = find_image(instance.image_id, self.account_id, self.region_name)
            instance.launched_image = launched
            if isinstance(launched, Image):
                launched.launches.append(faults.now(self.account_id, self.region_name))
        return reservation

    @patch(EC2Backend.do_resources_exist)
    def do_resources_exist(original, self, resource_ids):
        # An account may tag images that are shared with it, for itself alone.
        shared = {i for i in resource_ids if i.startswith("ami-") and find_image(i, self.account_id, self.region_name)}
        return original(self, [i for i in resource_ids if i not in shared])

    @patch(EBSBackend._create_default_encryption_key)
    def _create_default_encryption_key(_original, self):
        # moto makes the key in its own KMS, which LocalStack's does not know.
        self.default_kms_key_id = ebs_default_key.of(self)
        return self.default_kms_key_id

    @patch(EBSBackend.create_volume)
    def create_volume(original, self, size, zone_name, snapshot_id=None, encrypted=False, kms_key_id=None, **options):
        snapshot = find_snapshot(snapshot_id, self.account_id, self.region_name) if snapshot_id else None
        if snapshot is not None and can_create_volume(snapshot, self.account_id):
            size = size or snapshot.volume.size
            if snapshot.encrypted and not encrypted:
                encrypted = True
                kms_key_id = snapshot.kms_key_id if snapshot.owner_id == self.account_id else None
        elif snapshot_id:
            raise snapshot_not_found(snapshot_id)
        if kms_key_id:
            kms_key_id = keys.usable_key_arn(kms_key_id, self.account_id, self.region_name) or kms_key_id
        # Without the snapshot, for moto looks for it among the caller's own alone.
        volume = original(self, size, zone_name, encrypted=encrypted, kms_key_id=kms_key_id, **options)
        volume.snapshot_id = snapshot_id
        return volume

    @patch(EBSBackend.create_snapshot)
    def create_snapshot(original, self, *args, **options):
        snapshot = original(self, *args, **options)
        snapshot.kms_key_id = snapshot.volume.kms_key_id if snapshot.encrypted else None
        return snapshot
