"""AWS's behaviour where LocalStack differs from it: a folder for each service, named as in `localstack.services`."""
