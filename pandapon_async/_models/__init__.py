"""Models, their fields and validation, and their JSON form."""
