"""The doctor: checks that find and explain the usual faults, and mend what is safe to mend."""
