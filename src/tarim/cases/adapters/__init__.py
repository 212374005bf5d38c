"""Tables and files of cases."""
