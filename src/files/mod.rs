//! Files in: recorded fixes, fleet folders, routes and areas.
