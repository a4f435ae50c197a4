-- As much of REAPER as a script needs that asks for an item and adds one:
--   lua fake_reaper.lua SCRIPT SCENE
-- SCENE returns a table: the project, and what its person does. What came of it is printed as JSON.
-- Arguments are held against the kinds that REAPER's reference gives; what is not here is refused.

local scene = dofile(arg[2])
local outcome = { messages = {}, menus = {}, asked = {}, tracks = {}, state = scene.state or {} }
local depth = { undo = 0, refresh = 0 }

local function make(kind, fields)
  fields = fields or {}
  fields.kind = kind
  return setmetatable(fields, { __name = kind })
end

local function tell_kind(value)
  return type(value) == "table" and value.kind or math.type(value) or type(value)
end

local ACCEPTED = { integer = { number = true, integer = true }, float = { number = true } }

local function check(name, kinds, given)
  if given.n ~= #kinds then
    error(("%s takes %d arguments, not %d"):format(name, #kinds, given.n), 3)
  end
  for number, kind in ipairs(kinds) do
    local found = tell_kind(given[number])
    if found ~= kind and not (ACCEPTED[found] or {})[kind] then
      error(("%s: argument %d is a %s, not a %s"):format(name, number, found, kind), 3)
    end
  end
end

local function make_source(file)
  return make("source", { file = file.path, length = file.length, beats = file.beats or false })
end

local function make_item(given)
  local source = make_source(given.file)
  if given.section then
    source = make("source", {
      parent = source,
      section = given.section,
      length = given.section.length,
      beats = false,
    })
  end
  local take = make("take", {
    midi = given.midi or false,
    source = source,
    D_STARTOFFS = given.startoffs or 0.0,
    D_PLAYRATE = given.playrate or 1.0,
  })
  local loops = given.loops and 1.0 or 0.0
  return make("item", { take = take, D_LENGTH = given.length, B_LOOPSRC = loops })
end

local selected = scene.item and make_item(scene.item)

local API = {
  GetOS = { {}, function() return "Other" end },
  GetResourcePath = { {}, function() return scene.resources end },
  GetMousePosition = { {}, function() return 10, 20 end },
  GetCursorPosition = { {}, function() return scene.cursor end },
  GetSelectedMediaItem = { { "number", "number" }, function() return selected end },
  GetActiveTake = { { "item" }, function(item) return item.take end },
  TakeIsMIDI = { { "take" }, function(take) return take.midi end },
  GetMediaItemTake_Source = { { "take" }, function(take) return take.source end },
  GetMediaSourceParent = { { "source" }, function(source) return source.parent end },
  GetMediaSourceFileName = { { "source", "string" }, function(source)
    return source.file or ""
  end },
  GetMediaSourceLength = { { "source" }, function(source)
    return source.length, source.beats
  end },
  PCM_Source_GetSectionInfo = { { "source" }, function(source)
    local section = source.section
    if not section then
      return false, 0.0, 0.0, false
    end
    return true, section.offset, section.length, section.reversed or false
  end },
  GetMediaItemInfo_Value = { { "item", "string" }, function(item, name)
    return item[name] or error("an item has no " .. name)
  end },
  GetMediaItemTakeInfo_Value = { { "take", "string" }, function(take, name)
    return take[name] or error("a take has no " .. name)
  end },
  ExecProcess = { { "string", "number" }, function(command)
    local pipe = io.popen(command, "r")
    local output = pipe:read("a")
    local _, _, code = pipe:close()
    return code .. "\n" .. output
  end },
  GetExtState = { { "string", "string" }, function(section, key)
    return outcome.state[section .. "/" .. key] or ""
  end },
  SetExtState = { { "string", "string", "string", "boolean" }, function(section, key, value)
    outcome.state[section .. "/" .. key] = value
  end },
  GetUserInputs = { { "string", "number", "string", "string" }, function(_, _, _, usual)
    table.insert(outcome.asked, usual)
    return scene.answer ~= nil, scene.answer or usual
  end },
  MB = { { "string", "string", "number" }, function(words)
    table.insert(outcome.messages, words)
    return 1
  end },
  PCM_Source_CreateFromFile = { { "string" }, function(path)
    local file = io.open(path, "rb")
    if file then
      file:close()
      return make_source({ path = path, length = 1.0 })
    end
  end },
  CountTracks = { { "number" }, function() return #outcome.tracks end },
  InsertTrackAtIndex = { { "number", "boolean" }, function(number)
    table.insert(outcome.tracks, number + 1, make("track", { items = {} }))
  end },
  GetTrack = { { "number", "number" }, function(_, number) return outcome.tracks[number + 1] end },
  AddMediaItemToTrack = { { "track" }, function(track)
    local item = make("item", { D_POSITION = 0.0, D_LENGTH = 0.0, B_LOOPSRC = 1.0 })
    table.insert(track.items, item)
    return item
  end },
  AddTakeToMediaItem = { { "item" }, function(item)
    item.take = make("take", { D_STARTOFFS = 0.0, D_PLAYRATE = 1.0 })
    return item.take
  end },
  SetMediaItemTake_Source = { { "take", "source" }, function(take, source)
    take.source = source
    return true
  end },
  SetMediaItemInfo_Value = { { "item", "string", "number" }, function(item, name, value)
    item[name] = item[name] and value or error("an item has no " .. name)
    return true
  end },
  SetMediaItemTakeInfo_Value = { { "take", "string", "number" }, function(take, name, value)
    take[name] = take[name] and value or error("a take has no " .. name)
    return true
  end },
  GetSetMediaItemTakeInfo_String = {
    { "take", "string", "string", "boolean" },
    function(take, name, value)
      take[name] = value
      return true, value
    end,
  },
  GetSetMediaTrackInfo_String = {
    { "track", "string", "string", "boolean" },
    function(track, name, value)
      track[name] = value
      return true, value
    end,
  },
  UpdateItemInProject = { { "item" }, function() end },
  UpdateArrange = { {}, function() end },
  PreventUIRefresh = { { "number" }, function(step) depth.refresh = depth.refresh + step end },
  Undo_BeginBlock = { {}, function() depth.undo = depth.undo + 1 end },
  Undo_EndBlock = { { "string", "number" }, function() depth.undo = depth.undo - 1 end },
}

reaper = setmetatable({}, {
  __index = function(_, name)
    local kinds, act = table.unpack(API[name] or error("REAPER's fake has no " .. name, 2))
    return function(...)
      check(name, kinds, table.pack(...))
      return act(...)
    end
  end,
})

local is_open = false
gfx = { mouse_x = 3, mouse_y = 4, x = 0, y = 0 }

function gfx.init(...)
  check("gfx.init", { "string", "number", "number", "number", "number", "number" }, table.pack(...))
  is_open = true
end

function gfx.showmenu(lines)
  assert(is_open, "gfx.showmenu needs a window")
  for line in (lines .. "|"):gmatch("(.-)|") do
    table.insert(outcome.menus, line)
  end
  return scene.pick or 0
end

function gfx.quit()
  is_open = false
end

local function encode(value)
  if type(value) ~= "table" then
    return type(value) == "string" and ('"%s"'):format(value:gsub('[%c"\\\128-\255]', function(one)
      return ("\\u00%02x"):format(one:byte()) -- bytes, as Latin-1 has them
    end)) or tostring(value)
  end
  local parts = {}
  if #value > 0 or next(value) == nil then
    for _, one in ipairs(value) do
      parts[#parts + 1] = encode(one)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, one in pairs(value) do
    parts[#parts + 1] = encode(key) .. ":" .. encode(one)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

dofile(arg[1])
assert(depth.undo == 0 and depth.refresh == 0, "undo blocks and refreshes go in pairs")
assert(not is_open, "the window stays open")
print(encode(outcome))
