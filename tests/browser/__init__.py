"""Tests of the pages: a real Chromium against the running product."""
