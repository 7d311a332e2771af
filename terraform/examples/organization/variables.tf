variable "administrator_profile" {
  description = "Profile of the account that is the delegated administrator of stack sets."
  type        = string
  default     = null
}

variable "bucket_prefix" {
  description = "Start of the names of the buckets for the functions. Bucket names are unique among all accounts of AWS."
  type        = string
}

variable "organization_id" {
  description = "ID of the organization."
  type        = string
}

variable "organizational_unit_ids" {
  description = "IDs of the organizational units whose accounts get a copier, also those that join later."
  type        = set(string)
}

variable "source_account_id" {
  description = "ID of the account where images are baked."
  type        = string
}

variable "source_profile" {
  description = "Profile of the account where images are baked."
  type        = string
  default     = null
}

variable "topic_name" {
  description = "Name of the topic for copy requests."
  type        = string
  default     = "amigo-PROD-notify"
}
