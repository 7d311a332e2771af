variable "function_zips" {
  description = "Paths of zips with the functions. The first is the one to run; the others stay in the bucket for stacks that go back to them. The default is where `make build` puts it: lambda/dist/image-copier.zip of this repository."
  type        = list(string)
  default     = null

  validation {
    condition     = var.function_zips == null ? true : length(var.function_zips) > 0
    error_message = "function_zips: at least one path; or null for the zip of `make build`."
  }
}

variable "organization_id" {
  description = "ID of the organization (AWS Organizations) whose accounts may read the zip."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id: \"o-\" and 10 to 32 lower-case letters and digits, for example o-a1b2c3d4e5."
  }
}

variable "prefix" {
  description = "Start of the bucket's name: `<prefix>-<Region>`. Bucket names are unique among all accounts of AWS."
  type        = string
  nullable    = false

  # A bucket name has at most 63 characters (S3 User Guide, Bucket naming rules): 48, a hyphen, a Region of up to 14.
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,47}$", var.prefix))
    error_message = "prefix: 2 to 48 lower-case letters, digits and hyphens, the first no hyphen."
  }
}
