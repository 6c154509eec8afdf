-- The function as V8 made it, letter by letter.
CREATE OR REPLACE FUNCTION timeseries.perform_rollup(target text)
RETURNS bigint
LANGUAGE plpgsql
AS $function$
DECLARE
    t timeseries.tracked_tables;
    width CONSTANT interval := INTERVAL '1 hour';
    upper_bound CONSTANT timestamptz := timeseries.last_complete_bucket(width);
    lower_bound timestamptz;
    written bigint;
BEGIN
    SELECT * INTO STRICT t FROM timeseries.tracked_tables WHERE table_name = target FOR UPDATE;
    SELECT rolled_up_to INTO lower_bound FROM timeseries.rollup_progress WHERE table_name = target;

    EXECUTE format(
        $query$
        INSERT INTO timeseries.rollups (bucket, table_name, device_id, series, average, minimum, maximum, samples)
        SELECT public.time_bucket($1, %1$I), $2, device_id, %2$I, avg(%3$I), min(%3$I), max(%3$I), count(*)
        FROM %4$s
        WHERE %1$I >= $3 AND %1$I < $4
        GROUP BY 1, 3, 4
        ON CONFLICT (table_name, device_id, series, bucket) DO UPDATE
        SET average = excluded.average, minimum = excluded.minimum, maximum = excluded.maximum, samples = excluded.samples
        $query$,
        t.time_column, t.series_column, t.value_column, target::regclass)
    USING width, target, coalesce(lower_bound, '-infinity'), upper_bound;
    GET DIAGNOSTICS written = ROW_COUNT;

    INSERT INTO timeseries.rollup_progress (table_name, rolled_up_to) VALUES (target, upper_bound)
    ON CONFLICT (table_name) DO UPDATE SET rolled_up_to = excluded.rolled_up_to;
    RETURN written;
END
$function$;

DROP INDEX IF EXISTS timeseries.rollups_bucket_table_name;
ALTER TABLE timeseries.tracked_tables DROP COLUMN IF EXISTS bucket_width;
