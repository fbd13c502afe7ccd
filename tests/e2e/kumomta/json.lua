-- SPDX-License-Identifier: BSD-2-Clause
-- JSON as a policy of KumoMTA gets and makes it. What goes through a table loses empty lists, which
-- become objects, and the order of keys; nulls are lost or kept as `null`, as the caller wants.

local M = {null = io.stderr} -- a userdata and true, as KumoMTA's

local NAMES = {['\b'] = '\\b', ['\f'] = '\\f', ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t',
	['"'] = '\\"', ['\\'] = '\\\\'}
local BYTES = {b = '\b', f = '\f', n = '\n', r = '\r', t = '\t'}

local function quote(text)
	assert(utf8.len(text), 'json_encode: a string is not UTF-8')
	return '"' .. text:gsub('[%z\1-\31"\\]', function(c)
		return NAMES[c] or string.format('\\u%04x', c:byte())
	end) .. '"'
end

local function encode_list(list, out)
	for i, value in ipairs(list) do
		out[#out + 1] = i > 1 and ',' or '['
		M.append(value, out)
	end
	out[#out + 1] = ']'
end

local function encode_object(object, out)
	local before = '{'

	for key, value in pairs(object) do
		out[#out + 1] = before .. quote(tostring(key)) .. ':'
		M.append(value, out)
		before = ','
	end
	out[#out + 1] = before == '{' and '{}' or '}'
end

function M.append(value, out)
	if value == nil or value == M.null then
		out[#out + 1] = 'null'
	elseif type(value) == 'string' then
		out[#out + 1] = quote(value)
	elseif type(value) == 'table' and value[1] ~= nil then
		encode_list(value, out)
	elseif type(value) == 'table' then
		encode_object(value, out)
	elseif type(value) == 'number' or type(value) == 'boolean' then
		out[#out + 1] = tostring(value)
	else
		error('json_encode: a ' .. type(value) .. ' cannot be serialized')
	end
end

function M.encode(value)
	local out = {}

	M.append(value, out)
	return table.concat(out)
end

-- `null` stands for null; nil: keys whose value is null are left out.
function M.decode(text, null)
	local at = 1
	local value

	local function token(pattern)
		local first, last, found = text:find('^[ \t\r\n]*(' .. pattern .. ')[ \t\r\n]*', at)

		at = first and last + 1 or at
		return found
	end
	local function need(found)
		return found or error('json_decode: bad JSON at byte ' .. at)
	end
	local function unescape(body)
		body = body:gsub('\\u([dD][89aAbB]%x%x)\\u([dD][c-fC-F]%x%x)', function(high, low)
			return utf8.char(0x10000 + ((tonumber(high, 16) & 0x3ff) << 10) + (tonumber(low, 16) & 0x3ff))
		end)
		return (body:gsub('\\(.)(%x?%x?%x?%x?)', function(c, digits)
			return c == 'u' and utf8.char(tonumber(digits, 16)) or (BYTES[c] or c) .. digits
		end))
	end
	local function text_value()
		local start = at

		at = at + 1
		while text:sub(at, at) ~= '"' do
			at = need(text:find('["\\]', at))
			at = text:sub(at, at) == '\\' and at + 2 or at
		end
		at = at + 1
		local body = text:sub(start + 1, at - 2)
		return body:find('\\', 1, true) and unescape(body) or body
	end
	local function members(close, take)
		local object = {}

		if token(close) then
			return object
		end
		repeat
			take(object)
		until not token(',')
		need(token(close))
		return object
	end
	function value()
		if token('{') then
			return members('}', function(object)
				local key = text_value()

				need(token(':'))
				object[key] = value()
			end)
		elseif token('%[') then
			local n = 0

			return members('%]', function(list)
				n = n + 1
				list[n] = value()
			end)
		elseif text:sub(at, at) == '"' then
			return text_value()
		elseif token('null') then
			return null
		elseif token('true') then
			return true
		elseif token('false') then
			return false
		end
		local number = need(token('-?%d[%d.eE+-]*'))
		return math.tointeger(number) or tonumber(number)
	end
	token('')
	local result = value()
	token('')
	need(at > #text)
	return result
end

return M
