-- The role stays, with a notice, while it holds anything in some other database of the server.
DO $$
BEGIN
    DROP ROLE IF EXISTS iotmetrics_app;
EXCEPTION
    WHEN dependent_objects_still_exist THEN
        RAISE NOTICE 'role iotmetrics_app is still in use elsewhere and stays';
END
$$;
