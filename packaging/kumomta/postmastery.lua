-- SPDX-License-Identifier: BSD-2-Clause
--[[
postmastery.lua - events for an analytics service such as Postmastery Console, through dsnarf

Purpose:   a sample: what to have in init.lua instead of a webhook of its own.
Source:    dsnarf(8), "KumoMTA".
Errors:    the policy does not start without DSNARF_TOKEN in the environment of kumod.
Needs:     policy-extras.dsnarf

Retries, masking and the service's own key are dsnarf's business: see webhook-postmastery.toml among
its examples. In dsnarf.toml:

	[http]
	listen = "127.0.0.1:8025"
	token = "${DSNARF_TOKEN}"

	[notice]
	senders = ["example.com", "*.example.com"]

In shaping.toml, so that batches are not torn apart:

	["default"]
	idle_timeout = "60s"

	["postmastery.log_hook"]
	mx_rollup = false
	connection_limit = 1
	max_deliveries_per_connection = 100000
	max_connection_rate = "1000/s"
]]

local kumo = require 'kumo'
local dsnarf = require 'policy-extras.dsnarf'

dsnarf:new {
	name = 'postmastery',
	url = os.getenv('DSNARF_URL') or 'http://127.0.0.1:8025/v1/records',
	include_original_message = 'HeadersOnly',
	batch_size = 500,
	min_batch_size = 100,
	max_batch_latency = '60s',
	log_parameters = {
		meta = {'from', 'subject', 'message_id', 'campaign'},
		per_record = {
			-- for debugging only
			Reception = {enable = false},
			Rejection = {enable = false},
			Delayed = {enable = false},
			Any = {enable = true},
		},
	},
}

-- Header fields become meta here once, instead of at each event.
kumo.on('smtp_server_message_received', function(msg)
	msg:import_x_headers {'from', 'subject', 'message-id'}
end)
