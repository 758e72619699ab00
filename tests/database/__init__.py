"""The database alone: migrations, policies and functions, on real PostgreSQL servers, without any HTTP."""
