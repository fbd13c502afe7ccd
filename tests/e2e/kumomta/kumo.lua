-- SPDX-License-Identifier: BSD-2-Clause
-- The functions of KumoMTA's policy language that the policies here use. What they do is KumoMTA's,
-- where they do it is `world`, see kumod.lua: these are the words, that is the machine.

local json = require 'json'

-- ---- HTTP ----

local Response = {}
Response.__index = Response

function Response:status_code()
	return self.code
end

function Response:status_reason()
	return self.reason
end

-- Can be read once.
function Response:text()
	local body = assert(self.body, 'the text was read before')

	self.body = nil
	return body
end

function Response:status_is_success()
	return self.code // 100 == 2
end

function Response:status_is_client_error()
	return self.code // 100 == 4
end

function Response:status_is_server_error()
	return self.code // 100 == 5
end

local function read_file(name)
	local file = assert(io.open(name, 'rb'))
	local text = file:read('a')

	file:close()
	os.remove(name)
	return text
end

local function write_file(name, text)
	local file = assert(io.open(name, 'wb'))

	assert(file:write(text))
	assert(file:close())
end

local Request = {}
Request.__index = Request

function Request:header(name, value)
	assert(not (name .. value):find('[\r\n]'), 'invalid header')
	return setmetatable({url = self.url, fields = {name .. ': ' .. value, table.unpack(self.fields)},
		content = self.content}, Request)
end

function Request:body(body)
	return setmetatable({url = self.url, fields = self.fields, content = body}, Request)
end

-- curl does what reqwest does: no answer is an error of Lua.
function Request:send()
	local name = os.tmpname()
	local lines = {
		'url = ' .. json.encode(self.url), 'silent', 'show-error', 'max-time = 60', 'request = POST',
		'header = "Expect:"', 'data-binary = "@' .. name .. '.body"', 'output = "' .. name .. '.answer"',
		'dump-header = "' .. name .. '.head"', 'write-out = "%{http_code}"', 'noproxy = "*"',
	}

	for _, field in ipairs(self.fields) do
		lines[#lines + 1] = 'header = ' .. json.encode(field)
	end
	write_file(name .. '.body', self.content)
	write_file(name .. '.answer', '')
	write_file(name .. '.head', '')
	write_file(name, table.concat(lines, '\n') .. '\n')
	local curl = assert(io.popen('curl -K ' .. name .. ' 2>&1'))
	local said = curl:read('a')
	local fine = curl:close()
	local head, body = read_file(name .. '.head'), read_file(name .. '.answer')
	os.remove(name .. '.body')
	os.remove(name)
	if not fine then
		error('error sending request for url (' .. self.url .. '): ' .. said)
	end
	return setmetatable({code = math.tointeger(said), body = body,
		reason = head:match('^HTTP/%S+ %d+ ([^\r\n]*)') or ''}, Response)
end

local Client = {}
Client.__index = Client

function Client:post(url)
	assert(not self.closed, 'the client is closed')
	return setmetatable({url = url, fields = {}}, Request)
end

function Client:close()
	self.closed = true
end

-- ---- messages ----

-- Sender and recipient are no strings in KumoMTA, but can be made some.
local Address = {}
Address.__index = Address

function Address.__tostring(address)
	return address.text
end

local function new_address(text)
	assert(text == '' or text:find('^[^@%s]+@[^@%s]+$'), 'invalid address ' .. text)
	return setmetatable({text = text}, Address)
end

local Message = {}
Message.__index = Message

local serial = 0

local function new_message(sender, recipient, data)
	serial = serial + 1
	return setmetatable({number = serial, data = data, meta = {}, from = new_address(sender),
		to = new_address(recipient)}, Message)
end

function Message:id()
	return string.format('%032x', self.number)
end

function Message:sender()
	return self.from
end

function Message:recipient()
	return self.to
end

function Message:get_data()
	assert(self.data, 'the data of the message is not in the spool')
	return self.data
end

-- A copy each time: values cross from Lua to Rust and back, and null is nil there.
function Message:set_meta(name, value)
	self.meta[name] = json.encode(value)
end

function Message:get_meta(name)
	return self.meta[name] and json.decode(self.meta[name], nil)
end

function Message:get_all_headers()
	local fields, head = {}, self:get_data():gsub('\r\n', '\n')

	head = head:match('^(.-\n)\n') or head
	assert(not head:find('^%s'), 'header line starts with white space')
	for name, value in head:gsub('\n[ \t]', ' '):gmatch('([^:\n]+):[ \t]*([^\n]*)\n') do
		fields[#fields + 1] = {name, value}
	end
	return fields
end

function Message:get_first_named_header_value(name)
	for _, field in ipairs(self:get_all_headers()) do
		if field[1]:lower() == name:lower() then
			return field[2]
		end
	end
end

function Message:import_x_headers(names)
	for _, name in ipairs(names) do
		local value = self:get_first_named_header_value(name)

		if value then
			self:set_meta(name:lower():gsub('-', '_'), value)
		end
	end
end

-- ---- base64 ----

-- What coreutils makes of bytes; they may be megabytes.
local function base64(options, bytes)
	local name = os.tmpname()

	write_file(name, bytes)
	local program = assert(io.popen('base64 ' .. options .. ' ' .. name))
	local result = program:read('a')
	assert(program:close())
	os.remove(name)
	return result
end

local function base64_encode(bytes)
	return base64('-w 0', bytes)
end

local function base64_decode(text)
	return base64('-d', text)
end

-- ---- tailer ----

-- The records of all files from the checkpoint on: {file, line, record} each.
local function records_from(directory, checkpoint)
	local records = {}
	local names = assert(io.popen('ls ' .. directory))

	for name in names:lines() do
		local path = directory .. '/' .. name
		local done = checkpoint and path == checkpoint.file and checkpoint.line or 0
		local lines = (not checkpoint or path >= checkpoint.file) and assert(io.popen('zstd -dcq ' .. path))
		local number = 0

		for line in lines and lines:lines() or function() end do
			number = number + 1
			if number > done then
				records[#records + 1] = {file = path, line = number, record = json.decode(line, nil)}
			end
		end
	end
	names:close()
	return records
end

local Batch = {}
Batch.__index = Batch

function Batch:records()
	return self.list
end

function Batch:commit()
	write_file(self.checkpoint, json.encode {file = self.file, line = self.line})
end

local Tailer = {}
Tailer.__index = Tailer

function Tailer:batches()
	local name = self.directory .. '/.' .. self.checkpoint_name
	local file = io.open(name)
	local checkpoint = file and json.decode(file:read('a'), nil)
	local records, at = records_from(self.directory, checkpoint), 1

	return function()
		local batch = setmetatable({list = {}, checkpoint = name}, Batch)

		while records[at] and #batch.list < self.max_batch_size do
			batch.file, batch.line = records[at].file, records[at].line
			table.insert(batch.list, records[at].record)
			at = at + 1
		end
		return #batch.list > 0 and batch or nil
	end
end

-- ---- the module ----

local function check_keys(what, options, known)
	for key in pairs(options) do
		assert((' ' .. known .. ' '):find(' ' .. key .. ' ', 1, true),
			what .. ': unknown field `' .. tostring(key) .. '`')
	end
	return options
end

local function split(text, separator)
	local pieces = {}

	for piece in (text .. separator):gmatch('(.-)' .. separator:gsub('%p', '%%%0')) do
		pieces[#pieces + 1] = piece
	end
	return pieces
end

local LOG_HOOK = 'name back_pressure meta headers per_record deferred_spool'
local QUEUE = 'protocol egress_pool retry_interval max_retry_interval max_age'

-- A module for one Lua state, whose event handlers are in `handlers`.
local function new_kumo(world, handlers)
	local kumo = {
		string = {split = split},
		serde = {
			json_encode = json.encode,
			json_decode = function(text)
				return json.decode(text, nil)
			end,
		},
		encode = {base64_encode = base64_encode},
		http = {
			build_client = function(options)
				check_keys('build_client', options, 'user_agent timeout')
				return setmetatable({}, Client)
			end,
		},
		jsonl = {
			new_tailer = function(options)
				check_keys('new_tailer', options, 'directory max_batch_size checkpoint_name')
				return setmetatable({directory = options.directory,
					max_batch_size = options.max_batch_size or 100,
					checkpoint_name = options.checkpoint_name or 'tailer-checkpoint'}, Tailer)
			end,
		},
		make_message = new_message,
	}

	function kumo.on(event, handler)
		assert(type(handler) == 'function', 'kumo.on: a function is needed')
		handlers[event] = handlers[event] or {}
		table.insert(handlers[event], handler)
	end
	function kumo.reject(code, text)
		error {reject = code, text = text}
	end
	function kumo.configure_log_hook(options)
		world:add_hook(world.log_hooks, check_keys('configure_log_hook', options, LOG_HOOK))
		for _, record in pairs(options.per_record or {}) do
			check_keys('per_record', record, 'enable template suffix log_dir segment_header')
		end
	end
	function kumo.configure_log_disposition_hook(options)
		world:add_hook(world.disposition_hooks,
			check_keys('configure_log_disposition_hook', options, 'name'))
	end
	function kumo.make_queue_config(options)
		return check_keys('make_queue_config', options, QUEUE)
	end
	function kumo.inject_message(message)
		world:inject(message)
	end
	function kumo.sleep() -- time passes when it is told to
	end
	function kumo.log_error(...)
		world:complain(...)
	end
	for _, name in ipairs {'start_http_listener', 'start_esmtp_listener', 'configure_local_logs',
		'define_spool', 'make_egress_source', 'make_egress_pool', 'make_egress_path'} do
		kumo[name] = function(options)
			assert(type(options) == 'table', name .. ': a table is needed')
			return options
		end
	end
	return kumo
end

return {new = new_kumo, new_message = new_message, base64_decode = base64_decode}
