"""Ask whether a policy allows a call, without a local AWS.

    python docs/examples/may_it.py fixtures/dog_breed/policies/least_privilege.json sagemaker:InvokeEndpoint \
      arn:aws:sagemaker:us-east-1:123456789012:endpoint/dog-breed-endpoint
"""

import sys

from harness.testing import assert_allowed

policy, action, resource = sys.argv[1:]
try:
    assert_allowed(policy, action, resource)
except AssertionError as denied:
    sys.exit(str(denied))
print(f"{action} on {resource} is allowed.")
