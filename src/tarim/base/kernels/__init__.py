"""What kernels of every context share."""
