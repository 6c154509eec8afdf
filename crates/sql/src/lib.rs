//! dunlin-sql
