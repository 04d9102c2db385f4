"""Evaluation of encoders: what a researcher looks at before trusting one."""
