"""What LocalStack's services do otherwise than AWS documents, a folder for each as in `localstack.services`."""
