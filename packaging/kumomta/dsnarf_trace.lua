-- SPDX-License-Identifier: BSD-2-Clause
--[[
dsnarf_trace.lua - signed traces in what KumoMTA sends

Purpose:   add the X-KumoRef field that dsnarf knows again as ours when it comes back in a report.
Source:    dsnarf-records(5), "Signed traces"; RFC 2104 (HMAC), FIPS 180-4 (SHA-256).
Errors:    error() for a wrong set-up; a message is never held up: what cannot be signed is left out.
Needs:     Lua 5.3 or later, and of KumoMTA no more than the methods of a message.

	local traces = require('dsnarf_trace').new {
	  key = '2026a', -- [trace.key.2026a] of dsnarf.toml
	  secret_file = '/etc/dsnarf/trace-2026a',
	  meta = { 'tenant', 'campaign' }, -- this is the default
	}
	kumo.on('smtp_server_message_received', function(msg)
	  traces:add(msg)
	end)
]]

local M = {}

-- ---- SHA-256 and HMAC ----

local K = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
local START = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}
local BLOCK = 64
local WORDS = '>' .. string.rep('I4', 16)

-- A copy of a word in the upper half makes each rotation a shift.
local function compress(state, text, at)
	local w = {string.unpack(WORDS, text, at)}

	for i = 17, 64 do
		local x, y = w[i - 15], w[i - 2]
		local xx, yy = x << 32 | x, y << 32 | y

		w[i] = w[i - 16] + w[i - 7] + (((xx >> 7) ~ (xx >> 18)) & 0xffffffff ~ x >> 3) +
			(((yy >> 17) ~ (yy >> 19)) & 0xffffffff ~ y >> 10) & 0xffffffff
	end
	local a, b, c, d, e, f, g, h = table.unpack(state)

	for i = 1, 64 do
		local ee, aa = e << 32 | e, a << 32 | a
		local one = h + ((ee >> 6) ~ (ee >> 11) ~ (ee >> 25)) + ((e & f) ~ (~e & g)) + K[i] + w[i]
		local two = ((aa >> 2) ~ (aa >> 13) ~ (aa >> 22)) + ((a & b) ~ (a & c) ~ (b & c))

		h, g, f, e = g, f, e, d + one & 0xffffffff
		d, c, b, a = c, b, a, one + two & 0xffffffff
	end
	return {
		state[1] + a & 0xffffffff, state[2] + b & 0xffffffff, state[3] + c & 0xffffffff,
		state[4] + d & 0xffffffff, state[5] + e & 0xffffffff, state[6] + f & 0xffffffff,
		state[7] + g & 0xffffffff, state[8] + h & 0xffffffff,
	}
end

-- The digest of what is in `state` already, `before` bytes, and `text`.
local function digest(state, text, before)
	local zeros = -(#text + 9) % BLOCK

	text = text .. '\x80' .. string.rep('\0', zeros) .. string.pack('>I8', (before + #text) * 8)
	for at = 1, #text, BLOCK do
		state = compress(state, text, at)
	end
	return string.pack('>' .. string.rep('I4', 8), table.unpack(state))
end

-- The key's part of each HMAC: what the inner and the outer digest begin with.
local function prepare(secret)
	if #secret > BLOCK then
		secret = digest(START, secret, 0)
	end
	secret = secret .. string.rep('\0', BLOCK - #secret)
	local function pad(byte)
		return compress(START, secret:gsub('.', function(c)
			return string.char(c:byte() ~ byte)
		end), 1)
	end
	return {inner = pad(0x36), outer = pad(0x5c)}
end

local function hmac(prepared, text)
	return digest(prepared.outer, digest(prepared.inner, text, BLOCK), BLOCK)
end

-- ---- base64 and JSON ----

local DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

local function base64(bytes)
	local out = {}

	for at = 1, #bytes, 3 do
		local a, b, c = bytes:byte(at, at + 2)
		local n = a << 16 | (b or 0) << 8 | (c or 0)

		for shift = 18, 0, -6 do
			local digit = (n >> shift & 63) + 1
			out[#out + 1] = DIGITS:sub(digit, digit)
		end
	end
	local text = table.concat(out)
	local pads = -#bytes % 3
	return text:sub(1, #text - pads) .. string.rep('=', pads)
end

local ESCAPES = {
	['"'] = '\\"', ['\\'] = '\\\\', ['\b'] = '\\b', ['\f'] = '\\f', ['\n'] = '\\n', ['\r'] = '\\r',
	['\t'] = '\\t',
}

local function quote(text)
	return '"' .. text:gsub('[%z\1-\31"\\]', function(c)
		return ESCAPES[c] or string.format('\\u%04x', c:byte())
	end) .. '"'
end

-- What can be signed: text in UTF-8 and whole numbers; nil for all else.
local function encode(value)
	if type(value) == 'string' and utf8.len(value) then
		return quote(value)
	end
	return math.type(value) == 'integer' and tostring(value) or nil
end

-- The canonical form: keys in the order of their bytes.
local function object(members)
	local keys, out = {}, {}

	for key in pairs(members) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for i, key in ipairs(keys) do
		out[i] = quote(key) .. ':' .. members[key]
	end
	return '{' .. table.concat(out, ',') .. '}'
end

-- ---- traces ----

local Signer = {}
Signer.__index = Signer

local function read_secret(options)
	if not options.secret_file then
		return options.secret
	end
	local file = assert(io.open(options.secret_file, 'rb'))
	local secret = file:read('a')

	file:close()
	return (secret:gsub('\n$', ''):gsub('\r$', '')) -- as dsnarf reads it
end

-- options: key, secret or secret_file, meta.
function M.new(options)
	local secret = read_secret(options)

	if type(options.key) ~= 'string' or type(secret) ~= 'string' or #secret < 16 then
		error('dsnarf_trace: needs a key and a secret of at least 16 characters', 2)
	end
	return setmetatable({
		key = quote(options.key),
		prepared = prepare(secret),
		meta = options.meta or {'tenant', 'campaign'},
	}, Signer)
end

-- The value of the field for `members`, folded as KumoMTA does it. time: unix seconds.
function Signer:trace(members, time)
	local all = {['_@_'] = quote('\\_/')}

	for key, value in pairs(members) do
		all[key] = encode(value)
	end
	local seal = {k = self.key, t = string.format('%d', time)}
	all.dsnarf = object(seal)
	local signature = base64(hmac(self.prepared, object(all))):gsub('[+/=]', {
		['+'] = '-', ['/'] = '_', ['='] = '',
	})
	seal.s = quote(signature)
	all.dsnarf = object(seal)
	return (base64(object(all)):gsub(('.'):rep(75), '%0\r\n\t'):gsub('\r\n\t$', ''))
end

-- Adds the field to a message of KumoMTA. Several recipients are not named: each would learn of the
-- others.
function Signer:add(msg)
	local recipient = msg:recipient()
	local members = {id = tostring(msg:id())}

	if type(recipient) ~= 'table' then
		members.recipient = tostring(recipient)
	elseif #recipient == 1 then
		members.recipient = tostring(recipient[1])
	end
	for _, name in ipairs(self.meta) do
		members[name] = msg:get_meta(name)
	end
	msg:prepend_header('X-KumoRef', self:trace(members, os.time()))
end

return M
