"""STS's errors in AWS's words (STS API reference; texts from public logs and issues)."""

from __future__ import annotations

from harness.core.errors import AwsError, shown


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message, 400)


def access_denied(message: str) -> AwsError:
    return AwsError("AccessDenied", message, 403)


def invalid_role_arn(arn: str) -> AwsError:
    """A text that is no ARN (recorded), or the ARN of something else than a role (public logs)."""
    parts = arn.split(":", 5)
    complete = len(parts) == 6 and all((parts[0] == "arn", parts[1], parts[2], parts[5]))
    return validation("Request ARN is invalid" if complete else f"{arn} is invalid")


def root_assumes_no_role() -> AwsError:
    return access_denied("Roles may not be assumed by root accounts.")


def too_long_for_role() -> AwsError:
    return validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def too_long_when_chained() -> AwsError:
    message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    return validation(message)


def packed_too_large(percent: int) -> AwsError:
    return AwsError("PackedPolicyTooLarge", f"Packed policy consumes {percent}% of allotted space.", 400)


def policies_too_long(limit: int) -> AwsError:
    # AWS's words for the sum are unverified.
    message = f"The plaintext of the inline and managed session policies must not exceed {limit} characters."
    return AwsError("PackedPolicyTooLarge", message, 400)


def too_many_policy_arns(limit: int) -> AwsError:
    # AWS's words are unverified.
    return validation(f"The number of session policy ARNs must be less than or equal to {limit}.")


def no_such_session_policy(arn: str) -> AwsError:
    # The code is inferred from the operations of IAM; AWS's words are unverified.
    return validation(f"The session policy {arn} does not exist in the account of the session or is not attachable.")


def mfa_incomplete() -> AwsError:
    return access_denied(
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
    )


def mfa_wrong_serial() -> AwsError:
    message = (
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
        "valid and associated with this user."
    )
    return access_denied(message)


def mfa_wrong_code() -> AwsError:
    return access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")


def duplicate_tag_keys() -> AwsError:
    return AwsError(
        "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    )


def inherited_tag() -> AwsError:
    """A session tag with the key of a transitive tag of the calling session (recorded)."""
    message = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
        "the calling session."
    )
    return AwsError("InvalidParameterValue", message)


def transitive_key_without_tag() -> AwsError:
    message = "The specified transitive tag key must be included in the requested tags."
    return AwsError("InvalidParameterValue", message)  # recorded


def other_source_identity() -> AwsError:
    # The words are unverified; that it cannot be changed is in the user guide.
    return access_denied("Source identity cannot be changed once it is set for the session.")


def invalid_key_id(key_id: str) -> AwsError:
    # AWS's words are unverified.
    return validation(f"{shown(key_id)} is not a valid access key ID.")


def invalid_authorization_message() -> AwsError:
    return AwsError("InvalidAuthorizationMessageException", "Message is not valid", 400)


def outbound_federation_disabled() -> AwsError:
    # AWS's words are unverified; the code is botocore's.
    message = "Outbound web identity federation is not enabled for this account."
    return AwsError("OutboundWebIdentityFederationDisabledException", message, 403)


def not_part(operation: str, why: str) -> AwsError:
    """An operation that the harness does not have, and why."""
    return AwsError("NotImplementedException", f"{operation} is not part of this harness: {why}.", 501)


def invalid_identity_token(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message, 400)


def expired_identity_token(message: str) -> AwsError:
    return AwsError("ExpiredTokenException", message, 400)


def no_oauth_provider() -> AwsError:
    """ProviderId is for OAuth 2.0 access tokens of Facebook and Amazon, which only they can verify."""
    message = (
        "ProviderId is for OAuth 2.0 access tokens, which the harness cannot verify: leave it out for an ID token."
    )
    return AwsError("NotImplementedException", message, 501)


def no_such_provider(host: str) -> AwsError:
    """An issuer for which the account of the role has no provider (public logs)."""
    return invalid_identity_token(f"No OpenIDConnect provider found in your account for https://{host}")


def rejected_claim(message: str) -> AwsError:
    return AwsError("IDPRejectedClaim", message, 403)


def no_provided_contexts() -> AwsError:
    message = "ProvidedContexts are not part of this harness: only AWS IAM Identity Center issues them."
    return AwsError("NotImplementedException", message, 501)
