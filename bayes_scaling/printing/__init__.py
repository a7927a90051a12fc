"""Tables for people: medians and 90% intervals, units in the headers, notes below."""
