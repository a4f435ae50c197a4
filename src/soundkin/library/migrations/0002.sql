-- Ids of contents are given out once, so that an index beside the library can tell what is new.
ALTER TABLE meta ADD COLUMN next_content_id INTEGER NOT NULL DEFAULT 1;

UPDATE meta SET next_content_id = (SELECT COALESCE(MAX(id), 0) + 1 FROM contents);

-- The kind of index a person asked for; NULL lets soundkin choose by size.
ALTER TABLE meta ADD COLUMN index_kind TEXT;
