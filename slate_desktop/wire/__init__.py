"""Subjects, bodies and the signed envelope, as bytes and values; no connection here."""
