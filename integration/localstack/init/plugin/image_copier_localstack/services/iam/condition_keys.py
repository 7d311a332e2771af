"""The condition keys that the emulator can say the value of, or that a request does not have it.

IAM User Guide, "AWS global condition context keys", and the Service Authorization Reference. A key belongs here only
if what is asked of a request (`authorization/`) holds it wherever AWS would send it. No request here comes through a
VPC endpoint (aws:SourceVpc), and none has the credentials of an instance (ec2:RoleDelivery).
"""

SINGLE = """
aws:CurrentTime aws:EpochTime aws:PrincipalAccount aws:PrincipalArn aws:PrincipalIsAWSService aws:PrincipalOrgID
aws:PrincipalServiceName aws:PrincipalType aws:RequestedRegion aws:ResourceAccount aws:ResourceOrgID
aws:SecureTransport aws:SourceAccount aws:SourceArn aws:SourceIp aws:SourceOrgID aws:SourceOwner aws:SourceVpc
aws:ViaAWSService
cloudwatch:namespace
ec2:Add/group ec2:CreateAction ec2:Encrypted ec2:ImageID ec2:Owner ec2:Region ec2:RoleDelivery
events:eventBusInvocation
iam:PassedToService iam:PermissionsBoundary iam:PolicyARN
kms:CallerAccount kms:GrantIsForAWSResource kms:ViaService
lambda:CodeSigningConfigArn lambda:FunctionArn lambda:Principal
sns:Endpoint sns:Protocol
ssm:Overwrite ssm:Recursive
sts:ExternalId sts:RoleSessionName
"""
# The reference types them as an array.
MULTIPLE = """
aws:CalledVia aws:PrincipalServiceNamesList aws:TagKeys
cloudwatch:AlarmActions
events:detail-type events:source events:TargetArn
kms:EncryptionContextKeys
lambda:SecurityGroupIds lambda:SubnetIds lambda:VpcIds
"""
# A tag's key follows.
PREFIXES = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/", "ec2:resourcetag/")

SINGLE_KEYS = frozenset(SINGLE.lower().split())
MULTIVALUED_KEYS = frozenset(MULTIPLE.lower().split())


def is_multivalued(key: str) -> bool:
    """Whether the key can have several values, so that a policy must use a set operator on it."""
    return key.lower() in MULTIVALUED_KEYS


def is_known(key: str) -> bool:
    name = key.lower()
    return name in SINGLE_KEYS or name in MULTIVALUED_KEYS or name.startswith(PREFIXES)
