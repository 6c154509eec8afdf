//! dunlin-tests
