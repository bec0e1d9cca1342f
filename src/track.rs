//! Compact form of fixes: the record of the journal and the chunks of the stored track.
