"""The story that `outrider dev --demo` tells, on the real compiler and the real proxy."""
