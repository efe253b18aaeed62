"""What the gateway has to know about the backend's services beyond botocore's models.

The gateway names a service here and in harness.gateway.s3 only. The services that the harness owns say themselves what
the gateway has to know about them (harness.core.calls.Service).
"""

from __future__ import annotations

from harness.access.rules.policy import Attachment

S3 = "s3"
# The first segment of every path of S3 Control, which signs as S3 (botocore).
_S3_CONTROL_SEGMENT = "v20180820"
_API_GATEWAY = ("apigateway", "apigatewayv2")

# ---- paths of the emulators' own

# First segments of paths at which moto and LocalStack answer what is no operation of AWS: moto's control, its instance
# metadata, and LocalStack's control. A bucket of that name cannot be called in this way.
_EMULATORS_OWN = frozenset(("moto-api", "latest", "favicon.ico", "_localstack", "_aws", "_pods", "_extension"))


def is_emulators_own(segment: str) -> bool:
    """Whether what is below the first segment of a path is the emulator's own."""
    return segment.lower() in _EMULATORS_OWN


# ---- which service a request is for

# Signing names that are not botocore's names, or that several services share: then the service taken by default.
_SERVICE_OF_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "email": "ses",
    "elasticloadbalancing": "elbv2",
    "states": "stepfunctions",
    # The other signing names of botocore's models that are no names of its services. Where several services share one,
    # the backend has the one that stands here.
    "IoTSecuredTunneling": "iotsecuretunneling",
    "access-analyzer": "accessanalyzer",
    "aco-automation": "compute-optimizer-automation",
    "aidevops": "devops-agent",
    "airflow": "mwaa",
    "airflow-serverless": "mwaa-serverless",
    "aoss": "opensearchserverless",
    "app-integrations": "appintegrations",
    "application-cost-profiler": "applicationcostprofiler",
    "applicationinsights": "application-insights",
    "aps": "amp",
    "aws-marketplace": "meteringmarketplace",
    "awsssoportal": "sso",
    "backup-search": "backupsearch",
    "cases": "connectcases",
    "cassandra": "keyspaces",
    "cleanrooms-ml": "cleanroomsml",
    "cloudcontrolapi": "cloudcontrol",
    "codeguru-profiler": "codeguruprofiler",
    "connect-campaigns": "connectcampaignsv2",
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "elemental-inference": "elementalinference",
    "end-user-messaging": "endusermessaging",
    "execute-api": "apigatewaymanagementapi",
    "geo": "location",
    "health-agent": "connecthealth",
    "iotdata": "iot-data",
    "iotmanagedintegrations": "iot-managed-integrations",
    "launchwizard": "launch-wizard",
    "lex": "lexv2-models",
    "migrationhub-orchestrator": "migrationhuborchestrator",
    "migrationhub-strategy": "migrationhubstrategy",
    "mobiletargeting": "pinpoint",
    "mturk-requester": "mturk",
    "neptune-db": "neptunedata",
    "notifications-contacts": "notificationscontacts",
    "osm": "opensearchmemory",
    "partnercentral": "partnercentral-revenue-measurement",
    "pricingplanmanager": "pricing-plan-manager",
    "profile": "customer-profiles",
    "refactor-spaces": "migration-hub-refactor-spaces",
    "s3-outposts": "s3outposts",
    "scn": "supplychain",
    "servicequotas": "service-quotas",
    "sms-voice": "pinpoint-sms-voice-v2",
    "social-messaging": "socialmessaging",
    "sso": "sso-admin",
    "sso-oauth": "sso-oidc",
    "supportapp": "support-app",
    "tagging": "resourcegroupstaggingapi",
    "tax": "taxsettings",
    "thinclient": "workspaces-thin-client",
    "timestream": "timestream-write",
    "voiceid": "voice-id",
    "wisdom": "qconnect",
}
KNOWN_UNSIGNED = {
    "Logs_20140328": "logs",
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
}
"""Services of the backend whose unsigned requests are recognized, by the prefix of their target: Cognito's take some,
and the others are refused in the right protocol."""
UNSIGNED_FORM = "sts"
"""The service of any other unsigned request of the query protocol."""


def service_of(signing_name: str, target: str, segment: str) -> str:
    """botocore's name of the service. target: the header X-Amz-Target. segment: the first one of the path."""
    if signing_name == "dynamodb" and target.startswith("DynamoDBStreams"):
        return "dynamodbstreams"
    if signing_name == S3 and segment == _S3_CONTROL_SEGMENT:
        return "s3control"
    return _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)


def has_paths(service: str) -> bool:
    """Whether an operation may be posted to a path, though its protocol needs none: SQS takes the queue's URL."""
    return service == "sqs"


# ---- what a request needs

FREE_ACTIONS = frozenset(("sts:GetCallerIdentity", "sts:GetSessionToken"))
"""Actions that every caller may do, and that no policy can deny (IAM user guide)."""
TRUST_ACTIONS = frozenset(
    (
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRoleWithSAML",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        "sts:SetContext",
    )
)
"""Actions on a role that its trust policy has to allow."""
PASS_ROLE = "iam:PassRole"  # noqa: S105 - an action
PASSED_TO_SERVICE = "iam:passedtoservice"


def takes_anonymous(service: str) -> bool:
    """Whether a service takes unsigned requests: a bucket's policy may be for everybody."""
    return service == S3


def quotes_resource(action: str) -> bool:
    """Whether a refusal of the action has the resource in quotation marks."""
    return action.startswith("s3:")


def open_to_root(action: str) -> bool:
    """Whether the account's root may do an action whatever the resource's policy says, so that nobody is locked out.

    Source: botocore, PutBucketPolicy.
    """
    return action in ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")


def bucket_of(action: str, resource: str) -> str | None:
    """The bucket whose policy applies to an action; None for an action that is not S3's, or is on no bucket."""
    bucket = resource.rpartition(":")[2].partition("/")[0] if action.startswith("s3:") else ""
    return bucket if bucket not in ("", "*") else None


def has_http_actions(service: str) -> bool:
    """Whether the service's actions are HTTP methods."""
    return service in _API_GATEWAY


# ---- requests that change access

_BUCKET_WRITES = frozenset(("PutBucketPolicy", "DeleteBucketPolicy", "DeleteBucket", "CreateBucket"))


def policy_member(service: str, operation: str) -> tuple[str, Attachment] | None:
    """The member of a request that is a policy, and what the policy is attached to; None if there is none."""
    return ("Policy", "resource") if (service, operation) == (S3, "PutBucketPolicy") else None


def changes_buckets(service: str, operation: str) -> bool:
    """Whether a bucket's policy may be another one afterwards."""
    return service == S3 and operation in _BUCKET_WRITES
