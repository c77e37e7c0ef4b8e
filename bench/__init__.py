"""What Outrider costs, measured beside a bare pass-through in the same run."""
