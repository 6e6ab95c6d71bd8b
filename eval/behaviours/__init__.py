"""Behaviour tests after CheckList (Ribeiro et al. 2020): what a triage must get right, as data."""
