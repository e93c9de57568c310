"""PostgreSQL: records as rows."""
