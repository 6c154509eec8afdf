DROP TABLE daily_site_averages;
