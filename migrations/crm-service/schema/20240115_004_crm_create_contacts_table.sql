-- Migration: Create contacts table
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-01-15
-- Dependencies: 20240101_003

BEGIN;

CREATE TABLE IF NOT EXISTS contacts (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id UUID NOT NULL REFERENCES customers(id) ON DELETE CASCADE,
    full_name VARCHAR(200) NOT NULL,
    email VARCHAR(255) NOT NULL,
    CONSTRAINT uq_contacts_customer_email UNIQUE (customer_id, email)
);

COMMIT;
