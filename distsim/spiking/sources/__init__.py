"""Populations that only send spikes, one file each."""
