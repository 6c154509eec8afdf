//! dunlin-project
