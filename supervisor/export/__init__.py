"""Ready units for services on several machines."""
