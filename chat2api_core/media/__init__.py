"""Pictures and files as bytes and names: what they are, and how a request writes them. Pure."""
