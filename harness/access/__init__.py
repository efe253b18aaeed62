"""IAM: who calls, what their policies allow, and what advice there is on those policies."""
