-- SPDX-License-Identifier: BSD-2-Clause
-- What KumoMTA's module of this name does for a policy: names of queues and events, defaults, and
-- who answers which event, are the same.

local kumo = require 'kumo'
local M = {}

local OPTIONS = 'name log_parameters queue_config constructor batch_size min_batch_size ' ..
	'max_batch_latency filter'

local function merge(...)
	local all = {}

	for _, options in ipairs {...} do
		for name, value in pairs(options) do
			all[name] = value
		end
	end
	return all
end

function M:new(options)
	local queue = options.name .. '.log_hook'
	local constructor = 'make.' .. queue

	for name in pairs(options) do
		assert((' ' .. OPTIONS .. ' '):find(' ' .. name .. ' ', 1, true), 'log_hooks:new: ' .. name)
	end
	kumo.on('pre_init', function()
		kumo.configure_log_hook(merge(options.log_parameters or {}, {name = options.name}))
	end)
	kumo.on('should_enqueue_log_record', function(msg, hook_name)
		if hook_name ~= options.name then
			return nil
		end
		if options.filter and options.filter(msg, hook_name) then
			return false
		end
		msg:set_meta('queue', queue)
		return true
	end)
	kumo.on('get_queue_config', function(domain)
		if domain ~= queue then
			return nil
		end
		return kumo.make_queue_config(merge(
			{retry_interval = '1m', max_retry_interval = '20m'}, options.queue_config or {}, {
				protocol = {
					custom_lua = {
						constructor = constructor,
						batch_size = options.batch_size or 1,
						min_batch_size = options.min_batch_size or 1,
						max_batch_latency = options.max_batch_latency,
					},
				},
			}))
	end)
	kumo.on(constructor, options.constructor)
end

function M:new_json(options)
	self:new {
		name = options.name,
		log_parameters = options.log_parameters,
		queue_config = options.queue_config,
		constructor = function()
			local connection = {}
			local client = kumo.http.build_client {}

			function connection:send(msg)
				local response = client:post(options.url):header('Content-Type', 'application/json')
					:body(msg:get_data()):send()
				local disposition = string.format('%d %s: %s', response:status_code(),
					response:status_reason(), response:text())

				if response:status_is_success() then
					return disposition
				end
				kumo.reject(500, disposition)
			end
			function connection:close()
				client:close()
			end
			return connection
		end,
	}
end

function M:new_disposition_hook(options)
	kumo.on('pre_init', function()
		kumo.configure_log_disposition_hook {name = options.name}
	end)
	kumo.on('log_disposition_' .. options.name, options.hook)
end

return M
