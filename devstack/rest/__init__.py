"""A stand-in for PostgREST: what the official clients send for tables, views and functions, answered as it does.

For development and tests only. A query it does not support (embedding, mostly) is answered 501 with a message
that names what is missing; everything else is answered as PostgREST 16 was recorded to answer.
"""

from devstack.rest.app import create_app, lifespan

__all__ = ["create_app", "lifespan"]
