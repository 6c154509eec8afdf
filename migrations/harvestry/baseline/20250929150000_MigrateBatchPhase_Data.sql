-- A handful of batches: one statement will do.
-- dunlin: phase data
UPDATE batches
SET phase = CASE status
        WHEN 'planned' THEN 'propagation'
        WHEN 'growing' THEN 'cultivation'
        WHEN 'drying' THEN 'curing'
        WHEN 'done' THEN 'complete'
    END
WHERE phase IS NULL;
