output "policies" {
  description = "The policies as JSON, by name: `deploy-source`, `deploy-target`, `operate`, `read`, `request`, `retire` and `revoke`."
  value = {
    deploy-source = data.aws_iam_policy_document.deploy_source.minified_json
    deploy-target = data.aws_iam_policy_document.deploy_target.minified_json
    operate       = data.aws_iam_policy_document.operate.minified_json
    read          = data.aws_iam_policy_document.read.minified_json
    request       = data.aws_iam_policy_document.request.minified_json
    retire        = data.aws_iam_policy_document.retire.minified_json
    revoke        = data.aws_iam_policy_document.revoke.minified_json
  }
}
