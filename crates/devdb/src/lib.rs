//! dunlin-devdb
