# Until commit 03f4130 the two functions stood in this module itself. What was applied then keeps them.

moved {
  from = aws_cloudwatch_log_group.copy_image
  to   = module.copy_image.aws_cloudwatch_log_group.function
}

moved {
  from = aws_iam_role.copy_image
  to   = module.copy_image.aws_iam_role.function
}

moved {
  from = aws_iam_role_policy.copy_image
  to   = module.copy_image.aws_iam_role_policy.function
}

moved {
  from = aws_lambda_function.copy_image
  to   = module.copy_image.aws_lambda_function.function
}

moved {
  from = aws_cloudwatch_log_group.settle_copy
  to   = module.settle_copy.aws_cloudwatch_log_group.function
}

moved {
  from = aws_iam_role.settle_copy
  to   = module.settle_copy.aws_iam_role.function
}

moved {
  from = aws_iam_role_policy.settle_copy
  to   = module.settle_copy.aws_iam_role_policy.function
}

moved {
  from = aws_lambda_function.settle_copy
  to   = module.settle_copy.aws_lambda_function.function
}
