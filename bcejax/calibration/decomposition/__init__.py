"""Scores taken apart: what is lost by miscalibration, what is left to lose."""
