-- @description soundkin: find what sounds like the selected item
-- @version 0.1.0
-- @about
--   Asks a running `soundkin serve` what sounds like the part of its file that the selected item
--   plays, shows the hits in a menu, and puts the one that is chosen on a new track at the edit
--   cursor. Needs curl, which macOS, Windows 10 and most Linux systems have.

local TITLE = "soundkin"
local USUAL_ADDRESS = "http://127.0.0.1:8765/"
local API = "/api/v1"
local N_HITS = 30
local LIMIT_S = 60
local ROUNDING_S = 0.001
local UNREACHABLE = 7 -- curl's exit status where nobody listens

-- Errors that a person is shown are tables with `words`; all others are faults of this script.
local function fail(words, ...)
  error({ words = words:format(...) }, 0)
end

-- JSON, as the server writes it: ASCII, and \udc80 to \udcff for bytes that are no valid UTF-8.

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function read_escape(text, at)
  local letter = text:sub(at, at)
  if letter ~= "u" then
    return ESCAPES[letter] or letter, at + 1
  end
  local code = tonumber(text:sub(at + 1, at + 4), 16) or fail("the answer is no JSON")
  at = at + 5
  if code >= 0xD800 and code < 0xDC00 then
    local low = tonumber(text:match("^\\u([dD][c-fC-F]%x%x)", at) or "", 16)
    if low then
      return utf8.char(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + 6
    end
  end
  if code >= 0xDC80 and code <= 0xDCFF then
    return string.char(code - 0xDC00), at
  end
  local is_half = code >= 0xD800 and code < 0xE000
  return utf8.char(is_half and 0xFFFD or code), at
end

local function read_string(text, at)
  local parts = {}
  while true do
    local stop = text:find('["\\]', at) or fail("the answer is no JSON")
    parts[#parts + 1] = text:sub(at, stop - 1)
    if text:sub(stop, stop) == '"' then
      return table.concat(parts), stop + 1
    end
    parts[#parts + 1], at = read_escape(text, stop + 1)
  end
end

local function skip_space(text, at)
  return text:find("%S", at) or #text + 1
end

local WORDS = { ["true"] = true, ["false"] = false }
local read_value

local function read_members(text, at, closing, add)
  at = skip_space(text, at)
  if text:sub(at, at) == closing then
    return at + 1
  end
  while true do
    at = skip_space(text, add(skip_space(text, at)))
    local mark = text:sub(at, at)
    at = at + 1
    if mark == closing then
      return at
    elseif mark ~= "," then
      fail("the answer is no JSON")
    end
  end
end

local function read_list(text, at)
  local list, n = {}, 0
  local stop = read_members(text, at, "]", function(here)
    local value, after = read_value(text, here)
    n = n + 1
    list[n] = value
    return after
  end)
  return list, stop
end

local function read_object(text, at)
  local object = {}
  local stop = read_members(text, at, "}", function(here)
    local key, after = read_string(text, here + 1)
    after = text:match("^%s*:%s*()", after) or fail("the answer is no JSON")
    object[key], after = read_value(text, after)
    return after
  end)
  return object, stop
end

function read_value(text, at)
  local first = text:sub(at, at)
  if first == '"' then
    return read_string(text, at + 1)
  elseif first == "{" then
    return read_object(text, at + 1)
  elseif first == "[" then
    return read_list(text, at + 1)
  end
  local word, after = text:match("^(%l+)()", at)
  if word then
    return WORDS[word], after -- null is nil
  end
  local number
  number, after = text:match("^(-?[%d.eE+-]+)()", at)
  return tonumber(number) or fail("the answer is no JSON"), after
end

local function decode_json(text)
  return (read_value(text, skip_space(text, 1)))
end

local function format_number(value)
  return (("%.6f"):format(value):gsub(",", ".")) -- whatever the locale's decimal point
end

-- HTTP, by curl. All that it is asked stands in a file, so that no shell sees paths or the token.

local function quote_for_curl(text)
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\r", "\\r") .. '"'
end

local function quote_for_url(text)
  return (text:gsub("[^%w%-._~]", function(letter)
    return ("%%%02X"):format(letter:byte())
  end))
end

local function find_curl()
  return reaper.GetOS():find("^Win") and "curl" or "/usr/bin/curl"
end

local Server = {}
Server.__index = Server

-- Takes an address as `soundkin serve` prints it, with a token or without.
function Server.at(address)
  local base = address:match("^%s*(https?://[^/?%s]+)")
  if not base then
    fail("%s: no address of soundkin serve, as %s", address, USUAL_ADDRESS)
  end
  return setmetatable({ base = base, token = address:match("[?&]token=([^&%s]+)") }, Server)
end

function Server:ask(path, options)
  local lines = {
    "url = " .. quote_for_curl(self.base .. API .. path),
    "silent",
    "globoff",
    'noproxy = "*"',
    "max-time = " .. LIMIT_S,
    'write-out = "\\n%{http_code}"',
    'header = "Expect:"',
  }
  if self.token then
    lines[#lines + 1] = "header = " .. quote_for_curl("Authorization: Bearer " .. self.token)
  end
  for name, value in pairs(options or {}) do
    lines[#lines + 1] = name .. " = " .. quote_for_curl(value)
  end
  return self:run(table.concat(lines, "\n"))
end

function Server:run(config)
  local path = reaper.GetResourcePath() .. "/soundkin-request.txt"
  local file, reason = io.open(path, "wb")
  if not file then
    fail("%s", reason)
  end
  file:write(config, "\n")
  file:close()
  local command = ('%s --disable --config "%s"'):format(find_curl(), path)
  local output = reaper.ExecProcess(command, (LIMIT_S + 5) * 1000)
  os.remove(path)
  local code, body, status = (output or ""):match("^(%-?%d+)\r?\n(.*)\n(%d%d%d)%s*$")
  if not code then
    fail("curl cannot be run, or took too long")
  elseif tonumber(code) == UNREACHABLE then
    error({ words = self.base .. ": nobody listens there", is_unreachable = true }, 0)
  elseif tonumber(code) ~= 0 then
    fail("%s: it cannot be asked (curl's status %s)", self.base, code)
  end
  local answer = decode_json(body)
  if tonumber(status) >= 400 then
    fail("%s", answer.detail or ("status " .. status))
  end
  return answer
end

-- Finds the recording that a file is; nil where the library has not got it.
function Server:find_recording(path)
  local found = self:ask("/recordings?limit=1&folder=" .. quote_for_url(path)).recordings[1]
  return found and found.path == path and found or nil
end

-- Sends a file that the library has not got, of which only the part is kept.
function Server:send(part)
  local query = "/sounds?name=" .. quote_for_url(part.path:match("[^/\\]+$"))
  if not part.is_whole then
    query = query .. "&start_s=" .. format_number(part.start_s)
    query = query .. "&end_s=" .. format_number(part.end_s)
  end
  return self:ask(query, {
    request = "POST",
    header = "content-type: application/octet-stream",
    ["upload-file"] = part.path,
  })
end

function Server:search(part)
  local recording = self:find_recording(part.path)
  local sound = ('"id": "%s"'):format((recording or self:send(part)).id)
  if recording and not part.is_whole then
    local region = ', "start_s": %s, "end_s": %s'
    sound = sound .. region:format(format_number(part.start_s), format_number(part.end_s))
  elseif not recording and not part.is_whole then
    sound = sound .. ', "whole": true'
  end
  return self:ask("/search", {
    header = "content-type: application/json",
    ["data-binary"] = ('{"sounds": [{%s}], "top_k": %d, "fold": true}'):format(sound, N_HITS),
  })
end

-- The project.

-- Tells which stretch of a source an item plays, in the source's own seconds.
local function find_stretch(item, take, length_s)
  local start_s = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
  local rate = reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
  local used_s = reaper.GetMediaItemInfo_Value(item, "D_LENGTH") * rate
  if reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") ~= 0 then
    if used_s >= length_s then
      return 0, length_s
    end
    start_s = start_s % length_s
  end
  local first, last = math.max(start_s, 0), math.min(start_s + used_s, length_s)
  if last <= first then
    fail("the item plays nothing of its file")
  end
  return first, last
end

-- Finds the file of the selected item, and the part of it that is played.
local function find_part()
  local item = reaper.GetSelectedMediaItem(0, 0) or fail("select an item first")
  local take = reaper.GetActiveTake(item)
  if not take or reaper.TakeIsMIDI(take) then
    fail("the selected item has no sound")
  end
  local source = reaper.GetMediaItemTake_Source(take)
  local length_s, is_in_beats = reaper.GetMediaSourceLength(source)
  if is_in_beats then
    fail("the selected item has no sound")
  end
  local start_s, end_s = find_stretch(item, take, length_s)
  local is_section, offset_s, _, is_reversed = reaper.PCM_Source_GetSectionInfo(source)
  if is_section then
    if is_reversed then
      start_s, end_s = length_s - end_s, length_s - start_s
    end
    start_s, end_s = start_s + offset_s, end_s + offset_s
  end
  local parent = reaper.GetMediaSourceParent(source)
  while parent do
    source, parent = parent, reaper.GetMediaSourceParent(parent)
  end
  local path = reaper.GetMediaSourceFileName(source, "")
  if path == "" then
    fail("the selected item has no file; glue it, or render it, first")
  end
  local file_s = reaper.GetMediaSourceLength(source)
  local is_whole = start_s <= ROUNDING_S and end_s >= file_s - ROUNDING_S
  return { path = path, start_s = start_s, end_s = end_s, is_whole = is_whole }
end

-- Has a person choose one of the hits; nil where none is.
local function choose(hits)
  local lines = {}
  for number, hit in ipairs(hits) do
    local folder = hit.folder:match("[^/\\]+$") or hit.folder
    local line = ("%.2f   %.1f %%   %s   (%s)"):format(hit.score, hit.percentile, hit.name, folder)
    lines[number] = line:gsub("[|%c]", "_") -- which part a menu's lines
  end
  gfx.init(TITLE, 0, 0, 0, reaper.GetMousePosition())
  gfx.x, gfx.y = gfx.mouse_x, gfx.mouse_y
  local chosen = gfx.showmenu(table.concat(lines, "|"))
  gfx.quit()
  return hits[chosen]
end

local function insert(hit)
  local source = reaper.PCM_Source_CreateFromFile(hit.path)
  if not source then
    fail("%s: it cannot be opened on this machine", hit.path)
  end
  reaper.Undo_BeginBlock()
  reaper.PreventUIRefresh(1)
  local number = reaper.CountTracks(0)
  reaper.InsertTrackAtIndex(number, true)
  local track = reaper.GetTrack(0, number)
  reaper.GetSetMediaTrackInfo_String(track, "P_NAME", hit.name, true)
  local item = reaper.AddMediaItemToTrack(track)
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, source)
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", hit.name, true)
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", reaper.GetCursorPosition())
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", hit.duration_s)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", hit.start_s)
  reaper.UpdateItemInProject(item)
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("Insert what sounds alike (soundkin)", -1)
end

-- Searches at the address that is kept; where nobody listens there, a person is asked for it.
local function search(part)
  local address = reaper.GetExtState(TITLE, "address")
  address = address ~= "" and address or USUAL_ADDRESS
  local ok, found = pcall(function()
    return Server.at(address):search(part)
  end)
  if ok then
    return found
  elseif type(found) ~= "table" or not found.is_unreachable then
    error(found, 0)
  end
  local is_given, given = reaper.GetUserInputs(
    TITLE .. ": start soundkin serve",
    1,
    "The address that it prints:,extrawidth=240",
    address
  )
  if not is_given then
    return nil
  end
  found = Server.at(given):search(part)
  reaper.SetExtState(TITLE, "address", given, true)
  return found
end

local function main()
  local found = search(find_part())
  if not found then
    return
  elseif #found.hits == 0 then
    fail("nothing else is in the library")
  end
  local hit = choose(found.hits)
  if hit then
    insert(hit)
  end
end

local ok, problem = pcall(main)
if not ok then
  if type(problem) ~= "table" then
    error(problem, 0)
  end
  reaper.MB(problem.words, TITLE, 0)
end
