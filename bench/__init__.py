"""Figures that can be run again."""
