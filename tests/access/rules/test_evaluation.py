"""Policies against requests. Source: IAM user guide, "Policy evaluation logic"."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.rules.evaluation import AccessRequest, Policies, denial, evaluate
from harness.access.rules.policy import MalformedPolicy, Policy, parse_policy
from harness.access.rules.principals import Caller, session_caller
from tests.access.policies import (
    ACCOUNT,
    ENDPOINT,
    INVOKE,
    LAMBDA,
    OTHER,
    ROOT,
    SESSION,
    USER,
    allowed,
    decide,
    on_resource,
    policy,
    statement,
    trust,
)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/dogs"
ALLOW, DENY = policy(statement()), policy(statement("Deny"))
NOTHING = policy(statement(action="s3:GetObject"))


class TestIdentityPolicies:
    def test_nothing_is_allowed_without_a_statement(self) -> None:
        assert not allowed(Policies())
        assert not allowed(NOTHING)

    def test_an_allow_on_the_resource(self) -> None:
        assert allowed(statement(resource=ENDPOINT))
        assert not allowed(statement(resource=ENDPOINT + "-2"))

    def test_an_explicit_deny_wins_wherever_it_stands(self) -> None:
        assert not allowed(Policies(identity=(ALLOW, DENY)))
        assert not allowed(Policies(identity=(DENY, ALLOW)))
        assert not allowed(policy(statement(), statement("Deny")))

    def test_actions_ignore_case_and_resources_do_not(self) -> None:
        assert allowed(statement(action="SageMaker:invokeendpoint"))
        assert allowed(statement(action="SAGEMAKER:Invoke*"))
        assert not allowed(statement(resource=ENDPOINT.replace("dogs", "Dogs")))

    def test_not_action_and_not_resource(self) -> None:
        others = policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})
        assert allowed(others)
        assert not allowed(others, "iam:CreateUser", "*")
        elsewhere = policy({"Effect": "Allow", "Action": "*", "NotResource": ENDPOINT})
        assert not allowed(elsewhere)
        assert allowed(elsewhere, resource=ENDPOINT + "-2")

    def test_a_condition_decides_whether_a_statement_applies(self) -> None:
        condition = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
        here, there = {"aws:requestedregion": ("us-east-1",)}, {"aws:requestedregion": ("eu-west-1",)}
        assert allowed(statement(Condition=condition), context=here)
        assert not allowed(statement(Condition=condition), context=there)
        denied = policy(statement(), statement("Deny", Condition=condition))
        assert not allowed(denied, context=here)
        assert allowed(denied, context=there)

    def test_all_buckets(self) -> None:
        assert allowed(
            statement(action="s3:ListAllMyBuckets", resource="arn:aws:s3:::*"), "s3:ListAllMyBuckets", "arn:aws:s3:::*"
        )

    def test_a_resource_that_is_not_known(self) -> None:
        """An Allow on any resource counts, and a Deny only on all."""
        assert allowed(statement(resource=ENDPOINT), resource=None)
        assert not allowed(Policies(identity=(ALLOW, DENY)), resource=None)
        assert allowed(policy(statement(), statement("Deny", resource=ENDPOINT)), resource=None)
        assert not allowed({"Effect": "Allow", "Action": "*", "NotResource": "*"}, resource=None)
        assert allowed(policy(statement(), {"Effect": "Deny", "Action": "*", "NotResource": ENDPOINT}), resource=None)

    def test_the_root_user_may_do_everything_in_the_account(self) -> None:
        assert allowed(DENY, caller=ROOT)
        assert not allowed(Policies(resource_account=OTHER), caller=ROOT)


class TestBoundaries:
    def test_both_must_allow(self) -> None:
        assert allowed(Policies(identity=(ALLOW,), boundary=ALLOW))
        assert decide(Policies(identity=(ALLOW,), boundary=NOTHING)).kind == "permissions boundary"
        assert not allowed(Policies(boundary=ALLOW))

    def test_its_deny_wins(self) -> None:
        assert decide(Policies(identity=(ALLOW,), boundary=DENY)).explicit_deny


class TestSessionPolicies:
    def test_both_must_allow(self) -> None:
        assert allowed(Policies(identity=(ALLOW,), session=(ALLOW,)), caller=SESSION)
        assert decide(Policies(identity=(ALLOW,), session=(NOTHING,)), caller=SESSION).kind == "session policy"
        assert not allowed(Policies(identity=(ALLOW,), session=()), caller=SESSION)

    def test_one_of_several_is_enough(self) -> None:
        assert allowed(Policies(identity=(ALLOW,), session=(NOTHING, ALLOW)), caller=SESSION)


class TestResourcePoliciesInOneAccount:
    @pytest.mark.parametrize("principal", [USER.arn, "*"])
    def test_a_grant_to_the_user_or_to_everybody_is_enough(self, principal: str) -> None:
        granted = on_resource(statement(Principal={"AWS": principal}))
        assert allowed(Policies(resource=granted))
        assert allowed(Policies(resource=granted, boundary=NOTHING))  # an implicit deny there does not limit it
        assert not allowed(Policies(resource=granted, boundary=DENY))
        assert not allowed(Policies(resource=granted, identity=(DENY,)))

    @pytest.mark.parametrize("principal", [ACCOUNT, ROOT.arn])
    def test_a_grant_to_the_account_leaves_it_to_identity_policies(self, principal: str) -> None:
        granted = on_resource(statement(Principal={"AWS": principal}))
        assert not allowed(Policies(resource=granted))
        assert allowed(Policies(resource=granted, identity=(ALLOW,)))

    def test_a_grant_to_the_session_is_enough(self) -> None:
        granted = on_resource(statement(Principal={"AWS": SESSION.arn}))
        assert allowed(Policies(resource=granted, boundary=NOTHING, session=(NOTHING,)), caller=SESSION)

    def test_a_grant_to_the_role_is_limited_by_boundary_and_session(self) -> None:
        granted = on_resource(statement(Principal={"AWS": ROLE}))
        assert allowed(Policies(resource=granted), caller=SESSION)
        assert allowed(Policies(resource=granted, boundary=ALLOW, session=(ALLOW,)), caller=SESSION)
        assert not allowed(Policies(resource=granted, boundary=NOTHING), caller=SESSION)
        assert not allowed(Policies(resource=granted, session=(NOTHING,)), caller=SESSION)

    def test_a_role_with_a_path(self) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/team/dogs"
        granted = on_resource(statement(Principal={"AWS": arn}))
        assert allowed(Policies(resource=granted), caller=session_caller(SESSION.arn, arn))
        assert not allowed(Policies(resource=granted), caller=SESSION)

    def test_the_closest_grant_counts(self) -> None:
        both = on_resource(statement(Principal={"AWS": ACCOUNT}), statement(Principal={"AWS": USER.arn}))
        assert allowed(Policies(resource=both))

    def test_its_deny_wins_over_everything(self) -> None:
        denied = on_resource(statement("Deny", Principal="*"))
        verdict = decide(Policies(identity=(ALLOW,), resource=denied))
        assert (verdict.explicit_deny, verdict.kind) == (True, "resource-based policy")

    def test_a_service_needs_its_grant(self) -> None:
        granted = on_resource(statement(Principal={"Service": LAMBDA.arn}))
        assert allowed(Policies(resource=granted), caller=LAMBDA)
        assert not allowed(Policies(resource=on_resource(statement(Principal={"AWS": "1" * 12}))), caller=LAMBDA)
        assert not allowed(Policies(identity=(ALLOW,)), caller=LAMBDA)

    def test_an_unsigned_request_needs_a_grant_to_everybody(self) -> None:
        nobody = Caller("anonymous", "", "anonymous")
        assert allowed(Policies(resource=on_resource(statement(Principal="*"))), caller=nobody)
        assert not allowed(Policies(resource=on_resource(statement(Principal={"AWS": ACCOUNT}))), caller=nobody)

    @pytest.mark.parametrize("kind", ["Federated", "CanonicalUser"])
    def test_federated_and_canonical_users_match_no_caller(self, kind: str) -> None:
        assert not allowed(Policies(resource=on_resource(statement(Principal={kind: "x"}))))


class TestNotPrincipal:
    def denied(self, *spared: str, caller: Caller = USER, boundary: Policy | None = None) -> bool:
        other = on_resource({"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": list(spared)}})
        return not allowed(Policies(identity=(ALLOW,), resource=other, boundary=boundary), caller=caller)

    def test_it_denies_whoever_is_not_named(self) -> None:
        assert self.denied(f"arn:aws:iam::{ACCOUNT}:user/bob", ACCOUNT)

    def test_a_user_is_spared_with_the_account(self) -> None:
        assert not self.denied(USER.arn, ROOT.arn)
        assert self.denied(ROOT.arn)  # the account alone does not spare its users

    def test_a_session_is_spared_with_its_role_and_account(self) -> None:
        assert not self.denied(SESSION.arn, ROLE, ACCOUNT, caller=SESSION)
        assert self.denied(SESSION.arn, ACCOUNT, caller=SESSION)

    def test_a_principal_with_a_boundary_is_never_spared(self) -> None:
        assert self.denied(USER.arn, ACCOUNT, boundary=ALLOW)

    def test_allow_is_not_supported(self) -> None:
        with pytest.raises(MalformedPolicy, match="not supported"):
            on_resource({"Effect": "Allow", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": USER.arn}})


class TestAcrossAccounts:
    GRANTED = on_resource(statement(Principal={"AWS": ACCOUNT}))

    def test_both_sides_must_allow(self) -> None:
        assert allowed(Policies(identity=(ALLOW,), resource=self.GRANTED, resource_account=OTHER))
        assert not allowed(Policies(resource=self.GRANTED, resource_account=OTHER))
        assert decide(Policies(identity=(ALLOW,), resource_account=OTHER)).kind == "resource-based policy"

    def test_a_grant_to_the_user_is_not_enough_and_the_users_boundary_limits_it(self) -> None:
        granted = on_resource(statement(Principal={"AWS": USER.arn}))
        assert not allowed(Policies(resource=granted, resource_account=OTHER))
        bounded = Policies(identity=(ALLOW,), resource=granted, resource_account=OTHER, boundary=NOTHING)
        assert not allowed(bounded)


class TestAssumingRoles:
    def assumed(self, principal: Any, *identity: Policy, caller: Caller = USER) -> bool:
        policies = Policies(identity=identity, resource=policy(trust(principal), use="trust"), trust=True)
        return allowed(policies, "sts:AssumeRole", ROLE, caller=caller)

    def test_the_trust_policy_must_allow_it(self) -> None:
        may = policy(statement(action="sts:AssumeRole"))
        assert not self.assumed({"Service": LAMBDA.arn}, may)
        assert self.assumed({"AWS": USER.arn})
        assert self.assumed({"AWS": ACCOUNT}, may)
        assert not self.assumed({"AWS": ACCOUNT})

    def test_a_service(self) -> None:
        assert self.assumed({"Service": LAMBDA.arn}, caller=LAMBDA)
        assert not self.assumed({"Service": "sagemaker.amazonaws.com"}, caller=LAMBDA)

    def test_the_refusal_names_the_trust_policy(self) -> None:
        may = Policies(identity=(policy(statement(action="sts:*")),), trust=True)
        decision = decide(may, "sts:AssumeRole", ROLE)
        assert denial(USER, "sts:AssumeRole", ROLE, decision) == (
            f"User: {USER.arn} is not authorized to perform: sts:AssumeRole because no role trust policy allows the "
            "sts:AssumeRole action"
        )
        own = policy({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}, use="trust")
        decision = decide(Policies(may.identity, resource=own, trust=True), "sts:AssumeRole", ROLE)
        assert denial(USER, "sts:AssumeRole", ROLE, decision).endswith(
            ": sts:AssumeRole with an explicit deny in the role trust policy"
        )


class TestTheReason:
    def test_the_decision_names_its_statement(self) -> None:
        verdict = decide(policy(statement(action="s3:*"), statement(Sid="Invoke")))
        assert verdict.statement is not None
        assert (verdict.policy, verdict.statement.index, verdict.statement.sid) == ("p", 1, "Invoke")
        assert verdict.reason == "allowed by the identity-based policy p, Statement[1] (Invoke)"
        assert decide(DENY).reason == "denied by the identity-based policy p, Statement[0]"
        assert decide(NOTHING).reason == "no identity-based policy allows it"
        assert decide(DENY, caller=ROOT).reason == "the account's root user may do everything"

    def test_awss_sentence(self) -> None:
        """Source: IAM user guide, troubleshoot access denied messages; public logs."""
        assert denial(SESSION, INVOKE, ENDPOINT, decide(NOTHING)) == (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/dogs/dogs is not authorized to perform: {INVOKE} on resource: "
            f"{ENDPOINT} because no identity-based policy allows the {INVOKE} action"
        )
        assert denial(USER, INVOKE, None, decide(DENY)) == (
            f"User: {USER.arn} is not authorized to perform: {INVOKE} with an explicit deny in an identity-based policy"
        )
        managed = parse_policy("arn:aws:iam::aws:policy/P", {"Statement": statement("Deny")})
        assert denial(USER, INVOKE, None, decide(managed)).endswith("identity-based policy: arn:aws:iam::aws:policy/P")

    def test_s3_quotes_the_resource(self) -> None:
        assert ' on resource: "arn:aws:s3:::b" ' in denial(USER, "s3:X", "arn:aws:s3:::b", decide(DENY), quoted=True)
        assert "resource:" not in denial(USER, "s3:X", "*", decide(DENY), quoted=True)


# ---- invariants

_ARNS = st.sampled_from(
    ["*", "arn:aws:s3:::*", "arn:aws:s3:::b*", "arn:aws:s3:::b/${aws:username}", ENDPOINT, "arn:aws"]
)
_TEXTS = st.text(max_size=12)
_CONDITIONS = st.dictionaries(
    st.sampled_from(["StringLike", "ForAllValues:StringNotEquals", "NumericLessThanIfExists", "DateGreaterThan", "Bool",
                     "NotIpAddress", "ForAnyValue:ArnLike", "Null"]),
    st.dictionaries(st.sampled_from(["aws:k", "aws:SourceIp"]), _TEXTS | st.lists(_TEXTS, max_size=2) | st.booleans(),
                    max_size=2),
    max_size=2,
)  # fmt: skip
_STATEMENTS = st.lists(
    st.tuples(
        st.fixed_dictionaries({"Effect": st.sampled_from(["Allow", "Deny"])}),
        st.sampled_from(["Action", "NotAction"]).flatmap(
            lambda name: st.fixed_dictionaries({name: st.sampled_from(["*", "s3:*", "s3:Get?bject", ["iam:*"]])})
        ),
        st.sampled_from(["Resource", "NotResource"]).flatmap(lambda name: st.fixed_dictionaries({name: _ARNS})),
        st.just({}) | _CONDITIONS.map(lambda block: {"Condition": block}),
    ).map(lambda parts: {key: value for part in parts for key, value in part.items()}),
    min_size=0,
    max_size=4,
)
_CONTEXTS = st.dictionaries(
    st.sampled_from(["aws:k", "aws:sourceip", "aws:username"]), st.lists(_TEXTS, max_size=2).map(tuple), max_size=3
)
_REQUESTS = st.tuples(
    st.sampled_from(["s3:GetObject", "iam:PassRole"]) | _TEXTS,
    st.sampled_from(["*", "arn:aws:s3:::b", "arn:aws:s3:::b/ann", ENDPOINT]) | _TEXTS | st.none(),
    _CONTEXTS,
)


def compiled(statements: list[dict[str, Any]]) -> tuple[Policy, ...]:
    return (policy(*statements),) if statements else ()


def of(statements: list[dict[str, Any]], effect: str) -> list[dict[str, Any]]:
    return [item for item in statements if item["Effect"] == effect]


@given(_STATEMENTS, _STATEMENTS, _REQUESTS)
@pytest.mark.unmeasured
def test_an_allow_never_takes_access_and_a_deny_never_gives_it(
    statements: list[dict[str, Any]], more: list[dict[str, Any]], request_parts: Any
) -> None:
    action, resource, context = request_parts

    def may(*added: dict[str, Any]) -> bool:
        return allowed(Policies(identity=compiled([*statements, *added])), action, resource, context=context)

    assert may(*of(more, "Allow")) >= may()
    assert may(*of(more, "Deny")) <= may()


@given(_STATEMENTS, _REQUESTS)
def test_what_a_deny_alone_denies_is_denied(statements: list[dict[str, Any]], request_parts: Any) -> None:
    action, resource, context = request_parts
    denies = Policies(identity=compiled(of(statements, "Deny")))
    if decide(denies, action, resource, context=context).explicit_deny:
        assert not allowed(Policies(identity=compiled(statements)), action, resource, context=context)


_PRINCIPALS = st.sampled_from(["*", {"AWS": ACCOUNT}, {"AWS": [USER.arn, ROLE]}, {"Service": LAMBDA.arn}])


@given(
    _STATEMENTS,
    st.none() | _STATEMENTS,
    st.none() | _STATEMENTS,
    st.lists(st.tuples(_STATEMENTS, _PRINCIPALS), max_size=2),
    st.sampled_from([USER, SESSION, LAMBDA, Caller("a", "", "anonymous")]),
    st.sampled_from(["", OTHER]),
    _REQUESTS,
)
def test_any_policies_are_decided_and_limits_only_limit(
    identity: Any, boundary: Any, session: Any, granted: Any, caller: Caller, account: str, request_parts: Any
) -> None:
    statements = [{**item, "Principal": principal} for group, principal in granted for item in group]
    resource = on_resource(*statements) if statements else None
    bounds = policy(*boundary) if boundary else None
    limits = None if session is None else compiled(session)
    limited = Policies(compiled(identity), bounds, limits, resource, account)
    free = Policies(compiled(identity), None, None, resource, account)
    request = AccessRequest(caller, *request_parts)
    assert evaluate(request, limited).allowed <= evaluate(request, free).allowed


class TestRoot:
    """The root's rights, which no identity policy, boundary or session policy limits."""

    @pytest.mark.parametrize("resource", [None, on_resource(statement(Principal={"AWS": USER.arn}))])
    def test_in_its_account_it_needs_no_grant(self, resource: Policy | None) -> None:
        assert allowed(Policies(resource=resource, resource_account=ACCOUNT), caller=ROOT)
        assert not allowed(Policies(resource=resource, resource_account=OTHER), caller=ROOT)

    @pytest.mark.parametrize("principal", ["*", {"AWS": ROOT.arn}, {"AWS": ACCOUNT}])
    def test_an_explicit_deny_of_the_resources_policy_binds_it(self, principal: Any) -> None:
        deny = on_resource(statement(Principal=principal), statement("Deny", Principal=principal))
        decision = decide(Policies(resource=deny, resource_account=ACCOUNT), caller=ROOT)
        assert (decision.allowed, decision.explicit_deny) == (False, True)

    def test_across_accounts_the_resource_has_to_grant_it(self) -> None:
        grant = on_resource(statement(Principal={"AWS": ACCOUNT}))
        assert allowed(Policies(resource=grant, resource_account=OTHER), caller=ROOT)
        foreign = on_resource(statement(Principal={"AWS": OTHER}))
        assert not allowed(Policies(resource=foreign, resource_account=OTHER), caller=ROOT)

    @pytest.mark.parametrize(("principal", "may"), [({"AWS": ACCOUNT}, True), ({"AWS": USER.arn}, False)])
    def test_a_trust_policy_binds_it(self, principal: Any, may: bool) -> None:
        policies = Policies(resource=policy(trust(principal), use="trust"), trust=True)
        assert allowed(policies, "sts:AssumeRole", ROLE, caller=ROOT) is may


class TestFederation:
    FEDERATED_USER = Caller(f"arn:aws:sts::{ACCOUNT}:federated-user/ann", ACCOUNT, "federated-user", USER.arn)
    PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"

    def test_a_federated_user_may_do_what_user_and_session_policies_allow(self) -> None:
        for identity, session, may in ((ALLOW, ALLOW, True), (ALLOW, NOTHING, False), (NOTHING, ALLOW, False)):
            assert allowed(Policies(identity=(identity,), session=(session,)), caller=self.FEDERATED_USER) is may

    @pytest.mark.parametrize(
        ("principal", "may"),
        [({"AWS": FEDERATED_USER.arn}, True), ({"AWS": USER.arn}, False), ({"AWS": ACCOUNT}, False)],
    )
    def test_what_a_resource_grants_to_its_session_is_not_limited(self, principal: Any, may: bool) -> None:
        policies = Policies(session=(), resource=on_resource(statement(Principal=principal)))
        assert allowed(policies, caller=self.FEDERATED_USER) is may

    @pytest.mark.parametrize(
        ("principal", "may"),
        [
            ({"Federated": PROVIDER}, True),
            ({"Federated": [PROVIDER, "accounts.google.com"]}, True),
            ({"Federated": PROVIDER + "x"}, False),
            ({"AWS": ACCOUNT}, False),
            ({"Service": "lambda.amazonaws.com"}, False),
        ],
    )
    def test_whom_a_provider_vouches_for_is_named_by_it(self, principal: Any, may: bool) -> None:
        caller, action = Caller(self.PROVIDER, "", "federated"), "sts:AssumeRoleWithWebIdentity"
        trusting = policy(trust(principal, action=action), use="trust")
        assert allowed(Policies(resource=trusting, trust=True), action, ROLE, caller=caller) is may
