"""Learning together on columns that lie with two parties: encodings, products, sigmoid, logistic regression."""
