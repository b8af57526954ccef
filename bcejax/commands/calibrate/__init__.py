"""``bcejax calibrate``: predictions in, a report, figures and a calibrator out."""
