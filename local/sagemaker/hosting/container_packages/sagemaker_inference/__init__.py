"""Stands in the serving process for what AWS's container has: github.com/aws/sagemaker-inference-toolkit."""
