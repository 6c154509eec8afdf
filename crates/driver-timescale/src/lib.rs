//! dunlin-driver-timescale
