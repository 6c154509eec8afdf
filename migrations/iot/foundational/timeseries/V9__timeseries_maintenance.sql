CREATE TABLE maintenance.dropped_chunks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chunk      text NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);

-- Retention by drop_chunks(), which every build of TimescaleDB has; retention policies need the Timescale License.
CREATE PROCEDURE maintenance.drop_expired_chunks()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    t timeseries.tracked_tables;
BEGIN
    FOR t IN SELECT * FROM timeseries.tracked_tables WHERE retention IS NOT NULL ORDER BY table_name LOOP
        INSERT INTO maintenance.dropped_chunks (chunk)
        SELECT public.drop_chunks(t.table_name::regclass, older_than => now() - t.retention);
    END LOOP;
END
$procedure$;
