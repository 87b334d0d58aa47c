"""The reception: orders, the command line, and what each job makes of a document."""
