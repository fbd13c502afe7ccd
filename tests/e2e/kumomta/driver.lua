-- SPDX-License-Identifier: BSD-2-Clause
-- What miltertest, for the Lua in it, runs: packaging/kumomta/dsnarf_trace.lua, which is MODULE, for
-- the messages in the file MESSAGES, with the secret in the file SECRET. Writes to the file OUTPUT.

local traces = dofile(MODULE).new {key = '2026a', secret_file = SECRET, meta = {'tenant', 'Number'}}
local out = assert(io.open(OUTPUT, 'wb'))

-- A message as KumoMTA shows it to a policy.
local Message = {}
Message.__index = Message

function Message:id()
	return self[1]
end

function Message:recipient()
	local several = {}

	for one in self[2]:gmatch('[^,]+') do
		several[#several + 1] = one
	end
	return #several > 1 and several or self[2]
end

function Message:get_meta(name)
	if name == 'Number' then
		return math.tointeger(tonumber(self[4])) or tonumber(self[4])
	end
	return self[3] ~= '' and self[3] or nil
end

function Message:prepend_header(name, value)
	out:write(name, ': ', value, '\0')
end

for line in io.lines(MESSAGES) do
	local fields = {}

	for hex in line:gmatch('([^ ]*) ?') do
		fields[#fields + 1] = hex:gsub('%x%x', function(digits)
			return string.char(tonumber(digits, 16))
		end)
	end
	traces:add(setmetatable(fields, Message))
end
out:close()

local function refused(options)
	assert(not pcall(dofile(MODULE).new, options))
end
refused {key = '2026a'}
refused {key = '2026a', secret = '0123456789abcde'}
refused {secret = '0123456789abcdef'}
refused {key = '2026a', secret_file = '/none/such'}
