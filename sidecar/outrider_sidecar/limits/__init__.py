"""What a subject may use, and what it has used."""
