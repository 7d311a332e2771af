variable "function_zips" {
  description = "Paths of zips with the functions. The first is the one to run; the others stay in the bucket for stacks that go back to them. The default is the one that came with the modules of a release; in a checkout, what `make build` made: lambda/dist/image-copier.zip."
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

variable "tags" {
  description = "Tags of everything in this module that can have tags, beside the provider's default_tags. An object has at most 10 in all."
  type        = map(string)
  default     = {}
  nullable    = false

  # S3 User Guide, Categorizing your objects using tags.
  validation {
    condition     = length(var.tags) <= 10 && alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]+$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$", value)) && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags: at most 10, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 128 and values of up to 256 characters; no key begins with aws:."
  }
}
