"""Homomorphic encryption: products of an encrypted matrix with a vector that only the other party knows.

BFV over whole numbers modulo 2^48 by Microsoft SEAL (through TenSEAL).  The secret key never leaves the object that made it.
"""
