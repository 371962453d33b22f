"""Fetching what a caller's URL shows, without becoming the caller's hand in our own network."""
