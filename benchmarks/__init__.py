"""What the kit costs, beside what one would run otherwise."""
