"""What LocalStack's own process does wrong, whatever the service."""
