"""What can stand behind an endpoint as one instance: a process, for one."""
