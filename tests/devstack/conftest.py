"""Fixtures of the embedded stack's tests."""

from tests.devstack.gateway_fixtures import gateway, scratch_database, start_gateway

__all__ = ["gateway", "scratch_database", "start_gateway"]
