"""Application Auto Scaling: the rules that decide (pure), and the service that carries the decisions out."""
