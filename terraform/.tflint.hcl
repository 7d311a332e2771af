# All rules for Terraform's language, not only the recommended ones.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
