//! dunlin-render
