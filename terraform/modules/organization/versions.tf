terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"

      # The stack set's administrator, and whoever writes into the bucket with the zip.
      configuration_aliases = [aws, aws.artifacts]
    }
  }
}
