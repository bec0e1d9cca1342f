-- Driver cards put into and taken out of terminals (JT/T 808 message 0x0702): who drove when.
CREATE TABLE driver_cards (
    vehicle_id  BIGINT NOT NULL,
    -- Time that the terminal gave.
    at          BIGINT NOT NULL,
    -- When we got it: a late message is told from a live one.
    received_at BIGINT NOT NULL,
    -- Null when the card came out or could not be read.
    driver_id   BIGINT,
    PRIMARY KEY (vehicle_id, at)
);
