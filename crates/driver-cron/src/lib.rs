//! dunlin-driver-cron
