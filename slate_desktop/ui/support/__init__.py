"""Offers a support bundle: when it is asked for, beside a fault, and after a crash."""
