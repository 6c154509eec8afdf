DROP TABLE IF EXISTS payload.ess_summary;
