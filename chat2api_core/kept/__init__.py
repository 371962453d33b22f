"""What outlives a request, and where it is found again: histories of responses, files and whose
account holds them, and who sealed a thought."""
