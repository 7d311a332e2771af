"""AWS Organizations: its units and accounts. What it lets an account do at most is in services/iam/organization.py."""
