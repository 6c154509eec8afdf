UPDATE batches SET phase = NULL WHERE phase IS NOT NULL;
