-- One row of facts about the library itself: its identity, its model, its generation.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,  -- counts every change to vectors or recordings
    model_name TEXT,
    model_hash TEXT,
    model_file TEXT,
    model_config TEXT
) STRICT;

-- The folders and files a person asked to index.
CREATE TABLE folders (
    path ANY PRIMARY KEY  -- text, or bytes where a name is no valid UTF-8
) STRICT, WITHOUT ROWID;

-- What a file's bytes hold, whatever the file is called: embedded once per hash.
-- The vectors stand last, so that reading the facts never touches their pages.
CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    duration_s REAL NOT NULL,
    sample_rate INTEGER NOT NULL,
    n_channels INTEGER NOT NULL,
    format TEXT NOT NULL,
    warning TEXT,
    n_segments INTEGER NOT NULL,
    levels BLOB NOT NULL,   -- float16 (n_segments,), dB of full scale
    vectors BLOB NOT NULL   -- float16 (n_segments, 128)
) STRICT;

CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    path ANY NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_id INTEGER REFERENCES contents (id),
    error TEXT,
    CHECK ((content_id IS NULL) <> (error IS NULL))
) STRICT;

CREATE INDEX recordings_by_content ON recordings (content_id);

CREATE TABLE tags (
    tag TEXT NOT NULL,
    recording_id INTEGER NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, recording_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_recording ON tags (recording_id);
