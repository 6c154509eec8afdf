BEGIN;

-- No CASCADE: what somebody else built on the table should stop this, not vanish.
DROP VIEW IF EXISTS v_inventario_historico_reciente;
DROP TABLE IF EXISTS inventario_historico;

-- Remove migration record
DELETE FROM schema_migrations WHERE version = '001';

COMMIT;
