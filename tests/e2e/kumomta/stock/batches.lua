-- SPDX-License-Identifier: BSD-2-Clause
-- As the integration of an analytics service tells it: an array of records that went through Lua,
-- retried after 5xx.

local kumo = require 'kumo'
local log_hooks = require 'policy-extras.log_hooks'

log_hooks:new {
	name = 'batches',
	batch_size = 500,
	min_batch_size = 100,
	max_batch_latency = '60s',
	log_parameters = {meta = {'from', 'subject', 'message_id'}, per_record = {Any = {enable = true}}},
	constructor = function()
		local connection = {}
		local client = kumo.http.build_client {}

		function connection:send_batch(messages)
			local payload = {}

			for _, msg in ipairs(messages) do
				local record = msg:get_meta('log_record')
				local parts = kumo.string.split(record.recipient, '@')

				record.recipient = 'xxxx@' .. parts[2]
				table.insert(payload, record)
			end
			local response = client:post(os.getenv('DSNARF_URL'))
				:header('Authorization', os.getenv('DSNARF_TOKEN'))
				:header('Content-Type', 'application/json')
				:body(kumo.serde.json_encode(payload)):send()
			local disposition = string.format('%d %s: %s', response:status_code(),
				response:status_reason(), response:text())

			if response:status_is_success() then
				return disposition
			end
			kumo.reject(response:status_is_server_error() and 400 or 500, disposition)
		end
		function connection:close()
			client:close()
		end
		return connection
	end,
}
