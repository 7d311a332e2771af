"""AWS Organizations, which LocalStack's free edition does not serve: moto has it."""

from localstack.utils.patch import patch

from .. import by_moto


def prepare() -> None:
    from moto.core.exceptions import JsonRESTError, RESTError
    from moto.organizations.exceptions import AWSOrganizationsNotInUseException
    from moto.organizations.models import OrganizationsBackend, organizations_backends

    def for_management(operation: str) -> None:
        """moto has an empty organization for any other account; it knows no delegated administrators here.

        Organizations API Reference: "You can only call this operation from the management account or a member account
        that is a delegated administrator".
        """

        @patch(getattr(OrganizationsBackend, operation))
        def read(original, backend, *args, **options):
            if backend.org is not None:
                return original(backend, *args, **options)
            if backend.account_id in organizations_backends.master_accounts:
                raise JsonRESTError("AccessDeniedException", "You don't have permissions to access this resource.")
            raise AWSOrganizationsNotInUseException

    @patch(OrganizationsBackend.validate_parent_id)
    def validate_parent_id(original, backend, parent_id):
        """moto words this error as XML, which no client of the service reads."""
        try:
            return original(backend, parent_id)
        except RESTError as problem:
            raise JsonRESTError("ParentNotFoundException", problem.message) from None

    for operation in ("list_accounts_for_parent", "list_organizational_units_for_parent", "list_tags_for_resource"):
        for_management(operation)


def install() -> None:
    """Add the service."""
    by_moto.add("organizations", prepare)
