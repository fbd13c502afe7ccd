-- SPDX-License-Identifier: BSD-2-Clause
-- As a platform's instructions tell it: no helper, one record a request, and every answer but 2xx
-- drops it.

local kumo = require 'kumo'

kumo.on('pre_init', function()
	kumo.configure_log_hook {name = 'platform', headers = {'Subject', 'X-Campaign-Id'}}
end)
kumo.on('get_queue_config', function(domain)
	if domain == 'platform.log-hook' then
		return kumo.make_queue_config {protocol = {custom_lua = {constructor = 'webhook_sender'}}}
	end
	return kumo.make_queue_config {egress_pool = 'shared-default', retry_interval = '5min'}
end)
kumo.on('should_enqueue_log_record', function(msg)
	msg:set_meta('queue', 'platform.log-hook')
	return true
end)
kumo.on('webhook_sender', function()
	local sender = {}

	function sender:send(message)
		local response = kumo.http.build_client({}):post(os.getenv('DSNARF_URL'))
			:header('Content-Type', 'application/json')
			:header('Authorization', os.getenv('DSNARF_TOKEN')):body(message:get_data()):send()

		if response:status_is_success() then
			return string.format('%d ok', response:status_code())
		end
		kumo.reject(500, 'webhook returned ' .. response:status_code())
	end
	return sender
end)
