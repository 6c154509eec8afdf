-- Add column if it doesn't exist. The schema is asked for too: a table of this name may exist in another one.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = current_schema()
        AND table_name = 'temperature_readings'
        AND column_name = 'humidity'
    ) THEN
        ALTER TABLE temperature_readings
        ADD COLUMN humidity DOUBLE PRECISION;
    END IF;
END $$;

INSERT INTO schema_migrations (version, description)
VALUES (4, 'Add humidity column')
ON CONFLICT (version) DO NOTHING;
