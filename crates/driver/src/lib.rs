//! dunlin-driver
