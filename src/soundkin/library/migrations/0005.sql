-- Recordings whose files are not there because another drive seems to be in their place.
CREATE TABLE away (
    recording_id INTEGER PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE
) STRICT;
