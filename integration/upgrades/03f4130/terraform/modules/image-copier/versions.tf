terraform {
  required_version = ">= 1.9, < 2.0" # validations that read another variable

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}
