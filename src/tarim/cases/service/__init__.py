"""Commands about cases: each gives a function of a connection that refuses, or says what is to be recorded."""
