"""The one AWS endpoint: finds out what a request is and who sent it, authorizes it, and hands it to its service."""
