"""What can stand behind an endpoint as one instance, by kind."""
