"""Amazon's images and their snapshots, which every account finds in its EC2.

moto makes a thousand of each anew for every account and Region. To make them took longer than most tests, and to look
through them longer than any other call: so here each is made when somebody asks for it, and an account's own are apart.
Nothing but the time differs; it is not in `speedups/` since the modules here look into the one or the other part.
"""

from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from localstack.utils.patch import patch
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.elastic_block_store import Snapshot

# By Region: the images and the snapshots, as moto loads them from its files for the first account.
originals: dict[str, tuple[dict[str, Ami], dict[str, Snapshot]]] = {}


class AmazonResources[Resource: (Ami, Snapshot)](Mapping[str, Resource]):
    """The images or the snapshots in the EC2 of an account."""

    def __init__(self, backend: Any, resources: dict[str, Resource]):
        self.backend = backend
        self.originals = resources
        self.made: dict[str, Resource] = {}

    def __getitem__(self, resource_id: str) -> Resource:
        if resource_id not in self.made:
            # By hand, for copy.copy takes ten times as long.
            original = self.originals[resource_id]
            made = object.__new__(type(original))
            made.__dict__ = {**original.__dict__, "ec2_backend": self.backend}
            self.made.setdefault(resource_id, made)
        return self.made[resource_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.originals)

    def __len__(self) -> int:
        return len(self.originals)

    def of_owners(self, owners: Collection[str]) -> list[Resource]:
        """Those of the owners, by account or alias, or all."""
        wanted = [
            resource_id
            for resource_id, original in self.originals.items()
            if not owners or original.owner_id in owners or getattr(original, "owner_alias", None) in owners
        ]
        return [self[resource_id] for resource_id in wanted]


def own[Resource: (Ami, Snapshot)](resources: ChainMap[str, Resource]) -> dict[str, Resource]:
    """The account's own images or snapshots."""
    return resources.maps[0]


def amazon_owned[Resource: (Ami, Snapshot)](resources: ChainMap[str, Resource]) -> AmazonResources[Resource]:
    """Amazon's images or snapshots in the EC2 of an account."""
    return resources.maps[1]


def install() -> None:
    """Patch moto's model of EC2."""

    @patch(AmiBackend._load_amis)
    def _load_amis(original, self):
        if self.region_name not in originals:
            original(self)
            originals[self.region_name] = (self.amis, self.snapshots)
        images, snapshots = originals[self.region_name]
        self.amis = ChainMap({}, AmazonResources(self, images))
        self.snapshots = ChainMap({}, AmazonResources(self, snapshots))
