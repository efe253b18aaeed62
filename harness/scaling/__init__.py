"""Application Auto Scaling: alarms, policies and decisions (pure), and the service that carries them out."""
