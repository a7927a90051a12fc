"""What the commands do once their options are read.

A command has its options and one import: that of the module here which does its work. These modules have
their imports at the top, for they are loaded when a command runs, not when it is listed.
"""
