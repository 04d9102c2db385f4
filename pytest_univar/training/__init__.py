"""Training of encoders: the multi-view recipe of the paper."""
