"""What is known of the services before they run: manifests, our own table, their order."""
