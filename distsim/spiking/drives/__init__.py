"""What drives neurons from outside the network, one file each."""
