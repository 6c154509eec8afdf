DROP TABLE sensor_reading_facts;
