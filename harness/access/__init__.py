"""IAM: policy documents, their evaluation (pure), and who may do what."""
