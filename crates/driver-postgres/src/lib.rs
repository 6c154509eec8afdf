//! dunlin-driver-postgres
