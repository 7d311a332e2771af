"""ListSubscriptions as SNS documents it: the requester's subscriptions, also those to topics of other accounts."""

from localstack.aws.api.sns import Subscription
from localstack.services.sns.models import sns_stores
from localstack.services.sns.provider import SnsProvider
from localstack.services.sns.utils import get_next_page_token_from_arn
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


def install() -> None:
    """Patch the SNS provider."""

    @patch(SnsProvider.list_subscriptions)
    def list_subscriptions(_original, _self, context, next_token=None, **_kwargs):
        page, token = PaginatedList(subscriptions_of(context.account_id, context.region)).get_page(
            token_generator=lambda each: get_next_page_token_from_arn(each["SubscriptionArn"]),
            page_size=PAGE_SIZE,
            next_token=next_token,
        )
        return {"Subscriptions": page, **({"NextToken": token} if token else {})}
