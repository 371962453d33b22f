"""The pages for whoever runs the gateway, and what they ask for. All of it behind one door."""
