"""What the groups of IAM's operations share: the account, finding by name, pages and tags."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar

from harness.access import errors
from harness.access.account import Account, NamedItems
from harness.access.identities import Group, ManagedPolicy, Role, User
from harness.access.rules import quotas
from harness.access.state import State
from harness.core.calls import Call

Item = TypeVar("Item")
Kind = Literal["user", "group", "role"]

_PAGE_SIZE = 100  # the default of MaxItems (IAM API reference)


class Operations:
    """Some of IAM's operations, as methods on the shared state."""

    state: State

    def account(self, call: Call) -> Account:
        return self.state.account_of(call)

    def user(self, call: Call, request: Mapping[str, Any]) -> User:
        """The user that a request names, else the user who calls. Raises AwsError if there is none."""
        account = self.account(call)
        name = request.get("UserName") or (call.principal.name if call.principal.kind == "user" else "")
        if not name:
            raise errors.user_name_needed()
        user = account.users.get(name)
        if user is None:
            raise errors.no_such("user", name)
        return user

    def group(self, call: Call, name: str) -> Group:
        group = self.account(call).groups.get(name)
        if group is None:
            raise errors.no_such("group", name)
        return group

    def role(self, call: Call, name: str) -> Role:
        role = self.account(call).roles.get(name)
        if role is None:
            raise errors.no_such("role", name)
        return role

    def holder(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> User | Group | Role:
        """The user, group or role that a request names."""
        if kind == "user":
            return self.user(call, request)
        return self.group(call, request["GroupName"]) if kind == "group" else self.role(call, request["RoleName"])

    def changeable_role(self, call: Call, name: str) -> Role:
        """The role. Raises AwsError for a service-linked one, which only AWS changes."""
        role = self.role(call, name)
        if role.service_linked_for:
            raise errors.protected_role(name)
        return role

    def policy(self, call: Call, arn: str) -> ManagedPolicy:
        policy = self.account(call).policy(arn)
        if policy is None:
            raise errors.no_such_policy(arn)
        return policy


# ---- pages


def page_of(
    member: str,
    items: Iterable[Item],
    request: Mapping[str, Any],
    describe: Callable[[Item], Any],
    name_of: Callable[[Item], str] = lambda item: str(getattr(item, "name", item)),
) -> dict[str, Any]:
    """One page of an answer: the items under ``member``, IsTruncated and, if there is more, a Marker.

    items: in the order of their names, from the beginning. name_of: what a Marker remembers of the last item.
    Raises AwsError for a Marker that no answer had.
    """
    marker = read_marker(request)
    following = (item for item in items if not marker or name_of(item).lower() > marker.lower())
    return page_starting(member, following, request, describe, name_of)


def page_of_named(
    member: str, items: NamedItems[Any], request: Mapping[str, Any], describe: Callable[[Any], Any]
) -> dict[str, Any]:
    """Like page_of(), for everything of one kind: a page begins in constant time. PathPrefix is respected."""
    prefix = request.get("PathPrefix", "/")
    following: Iterator[Any] = items.after(read_marker(request))
    if prefix != "/":
        following = (item for item in following if item.path.startswith(prefix))
    return page_starting(member, following, request, describe, lambda item: str(item.name))


def page_starting(
    member: str,
    items: Iterable[Item],
    request: Mapping[str, Any],
    describe: Callable[[Item], Any],
    name_of: Callable[[Item], str],
) -> dict[str, Any]:
    """Like page_of(), for items that begin after the request's Marker."""
    size = request.get("MaxItems", _PAGE_SIZE)
    first = list(islice(items, size + 1))
    page = first[:size]
    answer: dict[str, Any] = {member: [describe(item) for item in page], "IsTruncated": len(first) > size}
    if len(first) > size:
        answer["Marker"] = base64.urlsafe_b64encode(name_of(page[-1]).encode()).decode()
    return answer


def read_marker(request: Mapping[str, Any]) -> str:
    """The name after which a page begins; "" for the first page."""
    marker = request.get("Marker")
    if not marker:
        return ""
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, UnicodeEncodeError):
        raise errors.bad_marker() from None


# ---- tags


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items(), key=lambda tag: tag[0].lower())]


def add_tags(present: dict[str, str], tags: Sequence[Mapping[str, str]]) -> None:
    """Adds tags as IAM does: keys are unique whatever their case. Raises AwsError for tags that IAM refuses.

    Source: IAM user guide, "Rules for tagging in IAM and AWS STS".
    """
    given = [tag["Key"] for tag in tags]
    if len({key.lower() for key in given}) < len(given):
        raise errors.duplicate_tag_keys()
    for key in given:
        if key.lower().startswith("aws:"):
            raise errors.reserved_tag_key()
    merged = dict(present)
    for tag in tags:
        known = next((key for key in merged if key.lower() == tag["Key"].lower()), None)
        if known is not None:
            del merged[known]
        merged[tag["Key"]] = tag["Value"]
    if len(merged) > quotas.TAGS_PER_RESOURCE:
        raise errors.quota("TagsPerResource", quotas.TAGS_PER_RESOURCE)  # the quota's name is unverified
    present.clear()
    present.update(merged)


def new_tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request to create something gives it."""
    tags: dict[str, str] = {}
    add_tags(tags, request.get("Tags", ()))
    return tags


def page_of_tags(tags: Mapping[str, str], request: Mapping[str, Any]) -> dict[str, Any]:
    return page_of("Tags", tag_list(tags), request, lambda tag: tag, lambda tag: str(tag["Key"]))


def remove_tags(present: dict[str, str], keys: Iterable[str]) -> None:
    gone = {key.lower() for key in keys}
    for key in [key for key in present if key.lower() in gone]:
        del present[key]
