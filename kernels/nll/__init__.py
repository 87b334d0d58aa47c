"""The output head with its negative log-likelihoods, without a table of rows by vocabulary."""
