CREATE FUNCTION timeseries.make_hypertable(target regclass, time_column name, chunk interval)
RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.create_hypertable(target, time_column, chunk_time_interval => chunk, if_not_exists => TRUE);
END
$function$;

COMMENT ON FUNCTION timeseries.make_hypertable(regclass, name, interval)
    IS 'Makes a hypertable of an empty table; does nothing when it is one';

-- A standard-syntax body: its semicolons end no statement of this file.
CREATE FUNCTION timeseries.last_complete_bucket(width interval)
RETURNS timestamptz
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT public.time_bucket(width, now());
END;
