"""One module for each way in which documents lie in files."""
