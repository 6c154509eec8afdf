//! dunlin-planner
