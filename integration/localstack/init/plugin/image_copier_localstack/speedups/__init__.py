"""What LocalStack does slowly. Nothing here changes an answer: without it all tests pass, later."""
