//! dunlin-engine
