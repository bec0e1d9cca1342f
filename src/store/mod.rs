//! The database: one portable SQL over `SQLite` and `PostgreSQL`.
