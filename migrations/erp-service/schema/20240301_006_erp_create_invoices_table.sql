-- Migration: Create invoices
-- Service: erp-service
-- Author: Operations team
-- Date: 2024-03-01
-- Dependencies: 20240115_005, 20240115_006

BEGIN;

CREATE TABLE IF NOT EXISTS invoices (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id UUID UNIQUE NOT NULL REFERENCES orders(id),
    mailed_as UUID REFERENCES email_queue(id) ON DELETE SET NULL,
    total NUMERIC(14, 2) NOT NULL,
    issued_on DATE NOT NULL DEFAULT CURRENT_DATE
);

COMMIT;
