"""What is seen of the services while they run: readiness, health, resources, metrics."""
