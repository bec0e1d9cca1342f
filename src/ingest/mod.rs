//! From sockets, HTTP and files to the journal and on to the shards.
