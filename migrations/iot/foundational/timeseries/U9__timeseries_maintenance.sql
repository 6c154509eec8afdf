DROP PROCEDURE IF EXISTS maintenance.drop_expired_chunks();
DROP TABLE IF EXISTS maintenance.dropped_chunks;
