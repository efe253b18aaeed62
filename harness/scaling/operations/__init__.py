"""Application Auto Scaling's operations by what they are about; Scaling is all of them together."""
