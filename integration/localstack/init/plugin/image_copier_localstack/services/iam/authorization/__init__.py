"""What each operation of a service asks policies (Service Authorization Reference), in a module for each service."""
