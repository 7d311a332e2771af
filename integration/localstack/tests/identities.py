"""Roles and users that a test makes, and clients with their credentials."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"


def document(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resources: str | list[str] = "*", **elements: Any) -> dict:
    return {"Effect": "Allow", "Action": actions, "Resource": resources} | elements


def deny(actions: str | list[str], resources: str | list[str] = "*", **elements: Any) -> dict:
    return allow(actions, resources, **elements) | {"Effect": "Deny"}


def trust(**principal: str | list[str]) -> str:
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})


class Identities:
    """The roles and users of one account, and the account itself."""

    def __init__(self, localstack: Any, account: str) -> None:
        self.localstack = localstack
        self.account = account
        self.iam = localstack.client("iam", account)

    def root(self, service: str, region: str = REGION) -> Any:
        """A client of the account itself."""
        return self.localstack.client(service, self.account, region)

    def role(self, *statements: dict, name: str = "worker", **options: Any) -> "Identity":
        """A session of a new role with these statements."""
        request = {"AssumeRolePolicyDocument": trust(AWS=self.account)} | options
        arn = self.iam.create_role(RoleName=name, **request)["Role"]["Arn"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document(*statements))
        return self.assumed(arn)

    def assumed(self, role_arn: str, **options: Any) -> "Identity":
        request = {"RoleArn": role_arn, "RoleSessionName": "one"} | options
        session = self.root("sts").assume_role(**request)
        return Identity(self.localstack, session["AssumedRoleUser"]["Arn"], session["Credentials"])

    def user(self, *statements: dict, name: str = "ann") -> "Identity":
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="calls", PolicyDocument=document(*statements))
        return Identity(self.localstack, arn, self.iam.create_access_key(UserName=name)["AccessKey"])


class Identity:
    """A user, or a session of a role."""

    def __init__(self, localstack: Any, arn: str, credentials: dict) -> None:
        self.localstack = localstack
        self.arn = arn
        self.credentials = credentials

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.localstack.endpoint,
            region_name=region,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}),
        )


def denial(operation: Any, **request: Any) -> tuple[str, str]:
    """The code and the message with which a call is denied."""
    with pytest.raises(ClientError) as caught:
        operation(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def not_authorized(who: str, action: str, resource: str, because: str) -> str:
    """The message of a denial (IAM User Guide, "Troubleshoot access denied error messages")."""
    return f"User: {who} is not authorized to perform: {action} on resource: {resource} {because}"


def not_allowed(who: str, action: str, resource: str, kind: str = "identity-based policy") -> str:
    return not_authorized(who, action, resource, f"because no {kind} allows the {action} action")
