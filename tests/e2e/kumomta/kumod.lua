-- SPDX-License-Identifier: BSD-2-Clause
-- kumod, as far as hooks and their queues go. Runs the policy in the first argument, then does what
-- standard input says, a JSON object a line, and answers each with one.
--   {"do":"log","record":TEXT,"headers":[[NAME,VALUE]...],"meta":{...},"message":BASE64}
--       something has happened to a message, or to none, if that is not given; record is without
--       headers and meta. With "received":true the policy sees it come in before
--   {"do":"deliver"}             tries what is due, and tells what came of it
--   {"do":"advance","seconds":N} lets time pass
--   {"do":"main"}                runs the script to its end
--   {"do":"full","full":BOOLEAN} nothing more fits into the spool
-- Each answer has "waiting", how many messages are in the queues, and "errors", what was logged.

package.path = arg[0]:gsub('[^/]*$', '') .. '?.lua;' .. package.path

local json = require 'json'
local kumo = require 'kumo'

local world = {
	log_hooks = {}, disposition_hooks = {}, states = {}, queues = {}, clock = 0, errors = {}, turn = 0,
	full = false, initialising = true,
}

function world:complain(...)
	local texts = {}

	for i, part in ipairs {...} do
		texts[i] = type(part) == 'table' and json.encode(part) or tostring(part)
	end
	table.insert(self.errors, table.concat(texts))
end

function world:add_hook(hooks, options)
	assert(self.initialising, 'hooks are configured in pre_init or init')
	assert(not hooks[options.name], 'there is a hook of the name ' .. options.name)
	hooks[options.name] = options
	table.insert(hooks, options.name)
end

-- ---- Lua states ----

-- One of several, each with the policy and its modules for itself.
local function new_state(policy)
	local handlers, loaded = {}, {}
	local globals = setmetatable({}, {__index = _G})

	loaded.kumo = kumo.new(world, handlers)
	globals._G = globals
	function globals.require(name)
		if loaded[name] == nil then
			local path = assert(package.searchpath(name, package.path))
			loaded[name] = assert(loadfile(path, 't', globals))(name, path)
		end
		return loaded[name]
	end
	assert(loadfile(policy, 't', globals))()
	return handlers
end

-- Asks the handlers of an event, in the next state, until one has an answer.
function world:call(event, ...)
	local handlers = self.states[self.turn % #self.states + 1]

	self.turn = self.turn + 1
	for _, handler in ipairs(handlers[event] or {}) do
		local answer = handler(...)

		if answer ~= nil then
			return answer
		end
	end
end

-- ---- queues ----

local UNITS = {s = 1, m = 60, min = 60, h = 3600, day = 86400, days = 86400, d = 86400}

local function seconds(text, default)
	if type(text) == 'number' then
		return text
	end
	local number, unit = (text or default):match('^(%d+) ?(%a+)$')
	return number * UNITS[unit]
end

local function find_queue(name)
	local queue = world.queues[name]

	if not queue then
		local config = assert(world:call('get_queue_config', name), 'no queue ' .. name)
		local lua = assert(config.protocol, name .. ' is no queue of a hook').custom_lua

		queue = {
			name = name, constructor = lua.constructor, batch_size = lua.batch_size or 1,
			retry = seconds(config.retry_interval, '20m'),
			most = seconds(config.max_retry_interval, '7 days'), age = seconds(config.max_age, '7 days'),
		}
		world.queues[name] = queue
	end
	return queue
end

function world:inject(message)
	local queue = find_queue(assert(message:get_meta('queue'), 'ordinary mail is not delivered here'))

	assert(not self.full, 'No space left on device')
	table.insert(queue, {message = message, due = self.clock, created = self.clock, attempts = 0})
end

local function close(queue)
	local connection = queue.connection

	queue.connection = nil
	if connection and connection.close then
		connection:close()
	end
end

-- What came of `fine, result` of send or send_batch: type of record, code, text.
local function judge(queue, fine, result)
	if fine then
		assert(type(result) == 'string', 'a disposition is a string')
		return 'Delivery', 200, result
	end
	if type(result) ~= 'table' then
		close(queue)
		return 'TransientFailure', 400, 'KumoMTA internal: error in deliver_message: ' .. tostring(result)
	end
	if result.reject == 421 then
		close(queue)
	end
	return result.reject // 100 == 4 and 'TransientFailure' or 'Bounce', result.reject, result.text
end

local function retry(queue, entry)
	local pause = math.min(queue.retry * (1 << math.min(entry.attempts, 30)), queue.most)

	entry.attempts = entry.attempts + 1
	entry.due = world.clock + pause
	if entry.due - entry.created <= queue.age then
		table.insert(queue, entry)
		return nil
	end
	return 'Expiration'
end

local log

-- Records are written about messages with records, too.
local function log_outcome(entry, kind)
	local protocol = entry.message:get_meta('reception_protocol')

	log(string.format('{"type":"%s","id":"%s","sender":"","recipient":"x@y.example",' ..
		'"reception_protocol":%s}', kind, entry.message:id(), protocol and json.encode(protocol) or 'null'),
		{}, {}, entry.message)
end

local function deliver_batch(queue, batch, outcomes)
	local messages = {}

	for i, entry in ipairs(batch) do
		messages[i] = entry.message
	end
	local fine, result = pcall(function()
		queue.connection = queue.connection or world:call(queue.constructor, queue.name)
		if queue.batch_size == 1 then
			return queue.connection:send(messages[1])
		end
		return queue.connection:send_batch(messages)
	end)
	local kind, code, text = judge(queue, fine, result)
	table.insert(outcomes, {type = kind, code = code, text = text, messages = #batch})
	for _, entry in ipairs(batch) do
		local expired = kind == 'TransientFailure' and retry(queue, entry)

		if expired then
			table.insert(outcomes, {type = expired, code = 551, text = 'max_age', messages = 1})
		end
		log_outcome(entry, kind)
	end
end

local function take_due(queue)
	local batch, at = {}, 1

	while queue[at] and #batch < queue.batch_size do
		if queue[at].due <= world.clock then
			table.insert(batch, table.remove(queue, at))
		else
			at = at + 1
		end
	end
	return batch
end

local function deliver()
	local outcomes = {}

	for _, queue in pairs(world.queues) do
		local batch = take_due(queue)

		while #batch > 0 do
			deliver_batch(queue, batch, outcomes)
			batch = take_due(queue)
		end
	end
	return outcomes
end

-- ---- logging ----

local function is_enabled(hook, kind)
	local per_record = hook.per_record or {}
	local settings = per_record[kind] or per_record.Any or {}

	return settings.enable ~= false
end

local function is_listed(name, list)
	for _, pattern in ipairs(list or {}) do
		local start = pattern:match('^(.*)%*$')

		if name:lower() == pattern:lower() or
			start and name:sub(1, #start):lower() == start:lower() then
			return true
		end
	end
	return false
end

-- The line that a log hook gets.
local function line_for(hook, text, headers, meta)
	local chosen_headers, chosen_meta = {}, {}

	for _, field in ipairs(headers) do
		if is_listed(field[1], hook.headers) then
			chosen_headers[field[1]] = field[2]
		end
	end
	for name, value in pairs(meta) do
		if is_listed(name, hook.meta) then
			chosen_meta[name] = value
		end
	end
	return text:sub(1, -2) .. ',"meta":' .. json.encode(chosen_meta) .. ',"headers":' ..
		json.encode(chosen_headers) .. '}'
end

local function run_disposition_hooks(text, record, message)
	if not message or record.type == 'OOB' or record.type == 'Rejection' then
		return
	end
	for _, name in ipairs(world.disposition_hooks) do
		local whole = json.decode(text:sub(1, -2) .. ',"meta":{},"headers":{}}', json.null)
		local fine, why = pcall(world.call, world, 'log_disposition_' .. name, message, whole)

		if not fine then
			world:complain('failed to log: ', why)
		end
	end
end

local function run_log_hook(hook, line)
	local record = json.decode(line, nil)
	local message = kumo.new_message('', 'someone@somewhere.example', line .. '\n')

	message:set_meta('log_record', record)
	message:set_meta('reception_protocol', 'LogRecord')
	local fine, wanted = pcall(world.call, world, 'should_enqueue_log_record', message, hook.name)
	if not fine then
		world:complain('failed to log: ', wanted)
	elseif wanted then
		world:inject(message)
	end
end

function log(text, headers, meta, message)
	local record = json.decode(text, nil)

	if record.reception_protocol == 'LogRecord' then
		return
	end
	run_disposition_hooks(text, record, message)
	for _, name in ipairs(world.log_hooks) do
		local hook = world.log_hooks[name]

		if is_enabled(hook, record.type) then
			run_log_hook(hook, line_for(hook, text, headers, meta))
		end
	end
end

-- ---- commands ----

local commands = {}

function commands.log(command)
	local message

	if command.message then
		message = kumo.new_message(command.sender, command.recipient, kumo.base64_decode(command.message))
		if command.lost then
			message.data = nil
		end
		for name, value in pairs(command.meta) do
			message:set_meta(name, value)
		end
		if command.received then
			world:call('smtp_server_message_received', message)
			for name in pairs(message.meta) do
				command.meta[name] = message:get_meta(name)
			end
		end
	end
	log(command.record, command.headers, command.meta, message)
	return {}
end

function commands.deliver()
	return {outcomes = deliver()}
end

function commands.advance(command)
	world.clock = world.clock + command.seconds
	return {}
end

-- As with kumod --script.
function commands.main()
	local fine, why = pcall(world.states[1].main[1])

	if not fine then
		world:complain(why)
	end
	return {fine = fine}
end

function commands.full(command)
	world.full = command.full
	return {}
end

local function main()
	for i = 1, 3 do
		world.states[i] = new_state(arg[1])
	end
	for _, event in ipairs {'pre_init', 'init'} do
		for _, handler in ipairs(world.states[1][event] or {}) do
			handler()
		end
	end
	world.initialising = false
	for line in io.lines() do
		local command = json.decode(line, nil)
		local answer = commands[command['do']](command)

		answer.waiting = 0
		for _, queue in pairs(world.queues) do
			answer.waiting = answer.waiting + #queue
		end
		answer.errors, world.errors = world.errors, {}
		io.write(json.encode(answer), '\n')
		io.flush()
	end
end

main()
