-- SPDX-License-Identifier: BSD-2-Clause
--[[
dsnarf.lua - KumoMTA's log records, and the messages they are about, to dsnarf

Purpose:   post each record once, in batches, with the original where a notice may return it.
Source:    dsnarf(8), "KumoMTA"; KumoMTA's policy-extras.log_hooks.
Errors:    error() for a wrong set-up; what dsnarf does not acknowledge stays in KumoMTA's spool.
Needs:     KumoMTA 2025.10.06 or later; with include_original_message = 'No', 2024.11.08.

	-- init.lua, before other hooks; DSNARF_TOKEN is in the environment of kumod
	local dsnarf = require 'policy-extras.dsnarf'
	dsnarf:new {
	  url = 'http://127.0.0.1:8025/v1/records',
	  include_original_message = 'HeadersOnly',
	  enable_bounce = true,
	  enable_expiration = true,
	}

KumoMTA runs events in Lua states that share nothing: all that is kept between them is in messages.
]]

local kumo = require 'kumo'
local log_hooks = require 'policy-extras.log_hooks'

local M = {}

-- What dsnarf sets in its notices: records about them are not posted.
local MARK = 'X-Dsnarf-Notice'

-- A request is no larger, unless one record is. dsnarf takes twice as much (http.body).
local REQUEST_MAX = 32 * 1024 * 1024
-- Of a longer original only the header is posted. dsnarf reads as much (limits.message).
local ORIGINAL_MAX = 25 * 1024 * 1024

-- The types whose notices return content. They come with the original, all others without.
local WITH_ORIGINAL = {'AdminBounce', 'Bounce', 'Expiration'}

-- The types that an option of its own decides about.
local SWITCHES = {Bounce = 'enable_bounce', Expiration = 'enable_expiration'}

-- What tells dsnarf whether a notice is due, and in which words: headers that it looks at, and the
-- keys of its section [meta].
local HEADERS = {
	MARK, 'Subject', 'From', 'Message-ID', 'Content-Type', 'Content-Language', 'Auto-Submitted',
	'Precedence', 'List-*', 'X-Auto-Response-Suppress', 'Authentication-Results',
}
local META = {
	'tenant', 'campaign', 'dsn_notify', 'dsn_ret', 'dsn_envid', 'dsn_orcpt', 'requiretls',
	'dsn_action', 'authn_id', 'received_from',
}

local DEFAULTS = {
	name = 'dsnarf',
	url = 'http://127.0.0.1:8025/v1/records',
	token_header = 'Authorization',
	include_original_message = 'HeadersOnly',
	enable_bounce = true,
	enable_expiration = true,
	batch_size = 500,
	min_batch_size = 1,
	log_parameters = {},
	queue_config = {},
}

-- ---- options ----

-- The number of letters to insert, drop or change until one is the other.
local function distance(one, other)
	local row = {}

	for j = 0, #other do
		row[j] = j
	end
	for i = 1, #one do
		local before = row[0]

		row[0] = i
		for j = 1, #other do
			local change = before + (one:byte(i) == other:byte(j) and 0 or 1)

			before = row[j]
			row[j] = math.min(change, before + 1, row[j - 1] + 1)
		end
	end
	return row[#other]
end

-- Complains about `word`, which is none of `words`.
local function unknown(what, word, words)
	local best, least

	table.sort(words)
	for _, known in ipairs(words) do
		local steps = distance(tostring(word):lower(), known:lower())

		if not least or steps < least then
			best, least = known, steps
		end
	end
	local hint = least <= math.max(2, #best // 3) and string.format('; did you mean %q?', best) or
		'; known are ' .. table.concat(words, ', ')
	error(string.format('dsnarf: unknown %s %q%s', what, tostring(word), hint), 0)
end

local function one_of(what, word, words)
	for _, known in ipairs(words) do
		if word == known then
			return
		end
	end
	unknown(what, word, words)
end

local function check_type(name, value, wanted)
	if type(value) ~= wanted then
		error(string.format('dsnarf: %s is to be a %s, not a %s', name, wanted, type(value)), 0)
	end
end

-- known: names and their types.
local function check_keys(what, options, known)
	local names = {}

	check_type(what, options, 'table')
	for name in pairs(known) do
		names[#names + 1] = name
	end
	for name, value in pairs(options) do
		one_of('key of ' .. what, name, names)
		if known[name] ~= 'any' then
			check_type(name, value, known[name])
		end
	end
end

local OPTIONS = {
	name = 'string', url = 'string', token = 'string', token_header = 'string',
	include_original_message = 'string', enable_bounce = 'boolean', enable_expiration = 'boolean',
	batch_size = 'number', min_batch_size = 'number', max_batch_latency = 'any',
	log_parameters = 'table', queue_config = 'table',
}
local LOG_PARAMETERS = {
	meta = 'table', headers = 'table', per_record = 'table', back_pressure = 'number',
	deferred_spool = 'boolean',
}
local RECORDS = { -- Any stands for all that are not named
	'AdminBounce', 'AdminRebind', 'Any', 'Bounce', 'DeferredInjectionRebind', 'Delayed', 'Delivery',
	'Expiration', 'Feedback', 'OOB', 'Reception', 'Rejection', 'TransientFailure', 'XferIn', 'XferOut',
}

local function check_per_record(o, per_record)
	for record, settings in pairs(per_record) do
		one_of('record type', record, RECORDS)
		check_keys('per_record.' .. record, settings, {enable = 'boolean'})
		local switch = SWITCHES[record]
		if switch and o[switch] ~= (settings.enable ~= false) then
			error(string.format('dsnarf: per_record.%s and %s contradict each other', record, switch), 0)
		end
	end
end

local function check_token(o)
	local token = o.token or os.getenv('DSNARF_TOKEN')

	if not token or token == '' then
		error("dsnarf: there is no token: set DSNARF_TOKEN in the environment of kumod, or say " ..
			"token = 'none' if dsnarf asks for none", 0)
	end
	if token:find('[%c]') then
		error('dsnarf: the token has a control character, perhaps a line feed at its end', 0)
	end
	return token
end

local function check_kumomta(o)
	if o.include_original_message ~= 'No' and
		not (kumo.inject_message and kumo.encode and log_hooks.new_disposition_hook) then
		error("dsnarf: this release of KumoMTA cannot hand over originals: " ..
			"say include_original_message = 'No', or use 2025.10.06 or later", 0)
	end
end

-- A copy of `options` with all defaults, or an error.
local function read_options(options)
	local o = {}

	if options == nil then
		error('dsnarf: call it as dsnarf:new { ... }, with a colon', 0)
	end
	check_keys('dsnarf:new', options, OPTIONS)
	for name, value in pairs(DEFAULTS) do
		o[name] = value
	end
	for name, value in pairs(options) do
		o[name] = value
	end
	one_of('include_original_message', o.include_original_message, {'No', 'HeadersOnly', 'FullContent'})
	if not o.url:find('^https?://[^/]+/') then
		error(string.format('dsnarf: url is to be like %q, not %q', DEFAULTS.url, o.url), 0)
	end
	check_keys('log_parameters', o.log_parameters, LOG_PARAMETERS)
	check_per_record(o, o.log_parameters.per_record or {})
	o.token = check_token(o)
	check_kumomta(o)
	return o
end

-- ---- which record goes which way ----

-- What KumoMTA makes of per_record: Any speaks for types that are not named, and silence is yes.
local function is_enabled(per_record, record)
	local settings = per_record[record] or per_record.Any or {}

	return settings.enable ~= false
end

-- The names of both lists, each once.
local function union(ours, theirs)
	local all, seen = {}, {}

	for _, list in ipairs {ours, theirs or {}} do
		for _, name in ipairs(list) do
			if not seen[name] then
				all[#all + 1] = name
			end
			seen[name] = true
		end
	end
	return all
end

-- Each type goes one way only. Returns what log hooks get, and the types of the disposition hook.
local function divide(o)
	local per_record, with_original = {}, {}
	local log_parameters = {}
	-- An expiration says only that it took too long; why, its last TransientFailure says.
	local given = o.log_parameters.per_record or
		{TransientFailure = {enable = o.enable_expiration}, Any = {enable = false}}

	for name, value in pairs(o.log_parameters) do
		log_parameters[name] = value
	end
	log_parameters.headers = union(HEADERS, o.log_parameters.headers)
	log_parameters.meta = union(META, o.log_parameters.meta)
	for record, settings in pairs(given) do
		per_record[record] = {enable = settings.enable ~= false}
	end
	for record, switch in pairs(SWITCHES) do
		per_record[record] = {enable = o[switch]}
	end
	for _, record in ipairs(o.include_original_message == 'No' and {} or WITH_ORIGINAL) do
		if is_enabled(per_record, record) then
			with_original[record] = true
			per_record[record] = {enable = false}
		end
	end
	log_parameters.per_record = per_record
	return log_parameters, with_original
end

-- ---- posting ----

local Connection = {}
Connection.__index = Connection

local function new_connection(o)
	return setmetatable({options = o, client = kumo.http.build_client {}}, Connection)
end

-- Fails when there is no answer, upon which KumoMTA tries again.
function Connection:request(body)
	local o = self.options
	local bearer = o.token_header:lower() == 'authorization' and not o.token:find(' ')
	local request = self.client:post(o.url):header('Content-Type', 'application/x-ndjson')

	if o.token ~= 'none' then
		request = request:header(o.token_header, bearer and 'Bearer ' .. o.token or o.token)
	end
	local response = request:body(body):send()
	local answer = {code = response:status_code(), reason = response:status_reason() or ''}
	answer.text = response:text() or '' -- can be read once
	return answer
end

-- What dsnarf says when all is on disk, else nil. A proxy, too, may say 200.
local function read_counts(answer)
	local fine, counts = pcall(kumo.serde.json_decode, answer.text)

	if answer.code ~= 200 or not fine or type(counts) ~= 'table' or not math.type(counts.accepted) then
		return nil
	end
	counts.rejected = #(counts.rejected or {})
	return counts
end

-- Posts what was too large in smaller pieces; false if there are none.
function Connection:post_smaller(lines, first, last, sums)
	if first < last then
		local middle = (first + last) // 2

		self:post(lines, first, middle, sums)
		self:post(lines, middle + 1, last, sums)
		return true
	end
	local bare, originals = lines[last]:gsub(',"message_base64":"[A-Za-z0-9+/=]*"}\n$', '}\n')
	if originals > 0 then
		self:post({bare}, 1, 1, sums)
	end
	return originals > 0
end

-- Posts lines `first` to `last`, and adds what became of them to `sums`.
function Connection:post(lines, first, last, sums)
	local answer = self:request(table.concat(lines, '', first, last))
	local counts = read_counts(answer)

	if counts then
		for name in pairs(sums) do
			sums[name] = sums[name] + (counts[name] or 0)
		end
	elseif answer.code ~= 413 or not self:post_smaller(lines, first, last, sums) then
		-- Upon any code but 4xx, KumoMTA would drop the records.
		kumo.reject(451, string.format('dsnarf: %d %s: %s', answer.code, answer.reason,
			answer.text:gsub('%c+', ' '):sub(1, 200)))
	end
end

local function line_of(message)
	local line = message:get_data():gsub('[\r\n]+$', '')

	return line .. '\n'
end

-- The lines are posted as they are: what goes through a Lua table loses nulls and empty lists.
function Connection:send_batch(messages)
	local lines, first, bytes = {}, 1, 0
	local sums = {accepted = 0, duplicate = 0, ignored = 0, rejected = 0}

	for i, message in ipairs(messages) do
		lines[i] = line_of(message)
		if i > first and bytes + #lines[i] > REQUEST_MAX then
			self:post(lines, first, i - 1, sums)
			first, bytes = i, 0
		end
		bytes = bytes + #lines[i]
	end
	self:post(lines, first, #lines, sums)
	return string.format('200 accepted=%d duplicate=%d ignored=%d rejected=%d', sums.accepted,
		sums.duplicate, sums.ignored, sums.rejected)
end

function Connection:send(message)
	return self:send_batch {message}
end

function Connection:close()
	self.client:close()
end

-- ---- originals ----

local function matches(name, pattern)
	name, pattern = name:lower(), pattern:lower()
	if pattern:sub(-1) == '*' then
		return name:sub(1, #pattern - 1) == pattern:sub(1, -2)
	end
	return name == pattern
end

-- A value that JSON can hold, else nil.
local function encodable(value)
	return pcall(kumo.serde.json_encode, value) and value or nil
end

local function add_header(headers, name, value)
	local before = headers[name]

	if before == nil then
		headers[name] = value
	elseif type(before) == 'table' then
		table.insert(before, value)
	else
		headers[name] = {before, value}
	end
end

-- A disposition hook gets records without the headers and meta that log hooks were told to log.
local function complete(record, message, log_parameters)
	local headers, meta = {}, type(record.meta) == 'table' and record.meta or {}

	for _, field in ipairs(message:get_all_headers()) do
		for _, pattern in ipairs(log_parameters.headers) do
			if matches(field[1], pattern) and encodable(field[2]) then
				add_header(headers, field[1], field[2])
				break
			end
		end
	end
	if type(record.headers) ~= 'table' or next(record.headers) == nil then
		record.headers = headers
	end
	for _, name in ipairs(log_parameters.meta) do
		if meta[name] == nil then
			meta[name] = encodable(message:get_meta(name))
		end
	end
	record.meta = meta
end

local function original_of(o, message)
	local data = message:get_data()

	if o.include_original_message == 'HeadersOnly' or #data > ORIGINAL_MAX then
		local _, stop = data:find('\r?\n\r?\n')
		data = data:sub(1, stop)
	end
	return kumo.encode.base64_encode(data)
end

-- One line of JSON: the record and its original, or at least the record.
local function element(o, message, record, log_parameters)
	local completed, why = pcall(complete, record, message, log_parameters)
	local read, original = true, nil

	if record.sender ~= '' then -- else no notice is due
		read, original = pcall(original_of, o, message)
	end
	if not completed or not read then
		kumo.log_error('dsnarf: the message of record ' .. tostring(record.id) .. ' cannot be read: ',
			completed and original or why)
	end
	return '{"log_record":' .. kumo.serde.json_encode(record) ..
		(read and original and ',"message_base64":"' .. original .. '"' or '') .. '}\n'
end

-- Nobody asks a disposition hook again, and whoever calls it waits. So the line becomes a message in
-- the queue of the log hook, which KumoMTA keeps on disk and tries for as long as it takes.
local function enqueue(o, line)
	local queued, why = pcall(function()
		local message = kumo.make_message('', 'records@dsnarf.invalid', line)

		message:set_meta('queue', o.name .. '.log_hook')
		message:set_meta('reception_protocol', 'LogRecord') -- no records about it
		kumo.inject_message(message)
	end)
	if not queued then -- such as for a full disk
		kumo.log_error('dsnarf: a record cannot be queued and is posted at once: ', why)
		local connection = new_connection(o)

		connection:post({line}, 1, 1, {})
		connection:close()
	end
end

local function is_ours(message)
	local fine, value = pcall(function()
		return message:get_first_named_header_value(MARK)
	end)

	return fine and value ~= nil
end

-- ---- hooks ----

-- Of a log hook, whose messages hold records: true to leave one out.
local function is_about_ours(message)
	local record = message:get_meta('log_record')

	for name in pairs(record and record.headers or {}) do
		if name:lower() == MARK:lower() then
			return true
		end
	end
	return false
end

function M:new(options)
	local o = read_options(options)
	local log_parameters, with_original = divide(o)
	-- Records wait for as long as dsnarf is away.
	local queue_config = {retry_interval = '1m', max_retry_interval = '20m', max_age = '365 days'}

	for name, value in pairs(o.queue_config) do
		queue_config[name] = value
	end
	log_hooks:new {
		name = o.name,
		batch_size = o.batch_size,
		min_batch_size = o.min_batch_size,
		max_batch_latency = o.max_batch_latency,
		log_parameters = log_parameters,
		queue_config = queue_config,
		filter = is_about_ours,
		constructor = function()
			return new_connection(o)
		end,
	}
	if not next(with_original) then
		return
	end
	log_hooks:new_disposition_hook {
		name = o.name .. '-originals',
		hook = function(message, record)
			if with_original[record.type] and record.reception_protocol ~= 'LogRecord' and
				not is_ours(message) then
				enqueue(o, element(o, message, record, log_parameters))
			end
		end,
	}
end

return M
