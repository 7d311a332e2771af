"""Subscriptions as SNS documents them: they are their owner's, also those to topics of other accounts."""

import copy

from localstack.aws.api import RequestContext
from localstack.aws.api.sns import Subscription
from localstack.services.sns.models import sns_stores
from localstack.services.sns.provider import SnsProvider
from localstack.services.sns.utils import get_next_page_token_from_arn
from localstack.utils.aws.arns import InvalidArnException, parse_arn
from localstack.utils.collections import PaginatedList, select_from_typed_dict
from localstack.utils.patch import patch

# Amazon SNS API Reference, ListSubscriptions: "a limited list of subscriptions, up to 100".
PAGE_SIZE = 100


def subscriptions_of(account: str, region: str) -> list[Subscription]:
    """What the account has subscribed. LocalStack keeps them with their topic, and lists those of its account."""
    stores = [regions[region] for regions in list(sns_stores.values()) if region in regions]
    owned = [each for store in stores for each in list(store.subscriptions.values()) if each["Owner"] == account]
    shown = []
    for each in sorted(owned, key=lambda subscription: subscription["SubscriptionArn"]):
        subscription = select_from_typed_dict(Subscription, each)
        if each["PendingConfirmation"] == "true":
            subscription["SubscriptionArn"] = "PendingConfirmation"
        shown.append(subscription)
    return shown


def for_the_owner(context: RequestContext, subscription_arn: str) -> RequestContext:
    """The context in which LocalStack finds a subscription that the caller owns: that of the topic's account.

    A subscription's ARN is one of the topic's account, its owner the account that subscribed (Amazon SNS API Reference,
    GetSubscriptionAttributes, `Owner`). LocalStack looks into the caller's account alone.
    """
    try:
        account = parse_arn(subscription_arn)["account"]
    except InvalidArnException:
        return context
    subscription = SnsProvider.get_store(account, context.region).subscriptions.get(subscription_arn, {})
    if subscription.get("Owner") != context.account_id:
        return context
    context = copy.copy(context)
    context.account_id = account
    return context


def install() -> None:
    """Patch the SNS provider."""

    @patch(SnsProvider.list_subscriptions)
    def list_subscriptions(_original, _self, context, next_token=None, **_kwargs):
        """The requester's subscriptions (Amazon SNS API Reference, ListSubscriptions)."""
        page, token = PaginatedList(subscriptions_of(context.account_id, context.region)).get_page(
            token_generator=lambda each: get_next_page_token_from_arn(each["SubscriptionArn"]),
            page_size=PAGE_SIZE,
            next_token=next_token,
        )
        return {"Subscriptions": page, **({"NextToken": token} if token else {})}

    @patch(SnsProvider.get_subscription_attributes)
    def get_subscription_attributes(original, self, context, subscription_arn, **kwargs):
        """A subscription's owner reads its attributes, also where the topic is another account's.

        An empty filter policy is none (Amazon SNS Developer Guide, "Removing a subscription filter policy").
        """
        answer = original(self, for_the_owner(context, subscription_arn), subscription_arn, **kwargs)
        if answer["Attributes"].get("FilterPolicy") != "{}":
            return answer
        no_filter = ("FilterPolicy", "FilterPolicyScope")
        return {"Attributes": {name: value for name, value in answer["Attributes"].items() if name not in no_filter}}

    @patch(SnsProvider.set_subscription_attributes)
    def set_subscription_attributes(original, self, context, subscription_arn, *args, **kwargs):
        """A subscription's owner changes its attributes, also where the topic is another account's."""
        return original(self, for_the_owner(context, subscription_arn), subscription_arn, *args, **kwargs)
