"""Structured logging with secrets redacted."""
