BEGIN;

DROP TABLE IF EXISTS alertas_inventario;

-- Remove migration record
DELETE FROM schema_migrations WHERE version = '002';

COMMIT;
