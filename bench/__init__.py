"""What disc-lite costs and reaches, measured; see README.md beside this file."""
