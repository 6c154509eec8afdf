-- Migration: Create customers table
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-01-01
-- Dependencies: 20240101_001, 20240101_002

BEGIN;

CREATE TABLE IF NOT EXISTS customers (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(200) NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'lead'
        CONSTRAINT chk_customer_status CHECK (status IN ('lead', 'active', 'lapsed')),
    account_manager_id UUID REFERENCES users(id),
    -- how the account manager wants to hear about this customer
    preference_id UUID REFERENCES user_preferences(id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS idx_customers_account_manager ON customers(account_manager_id);

COMMIT;
