-- SPDX-License-Identifier: BSD-2-Clause
--[[
ping8.lua - a delivery engine behind a platform such as PING8, with dsnarf for its events

Purpose:   a sample: an init.lua as a whole.
Source:    dsnarf(8), "KumoMTA".
Errors:    the policy does not start without PING8_WEBHOOK_TOKEN in the environment of kumod.
Needs:     policy-extras.dsnarf

webhook-ping8.toml, among dsnarf's examples, says where the events go. In dsnarf.toml:

	[http]
	listen = "127.0.0.1:8025"
	header = "X-PING8-Kumo-Token"
	token = "${PING8_WEBHOOK_TOKEN}"
]]

local kumo = require 'kumo'
local dsnarf = require 'policy-extras.dsnarf'

local PROXY = string.format('%s:%s', os.getenv('KUMOPROXY_HOST') or 'proxy.example.com',
	os.getenv('KUMOPROXY_PORT') or '5000')
local PROXY_PUBLIC_IP = os.getenv('KUMOPROXY_PUBLIC_IP') or '203.0.113.20'
local PROXY_HELO = os.getenv('KUMOPROXY_HELO') or 'proxy.example.com'

-- Before the handlers below: the first one that has an answer is asked, and get_queue_config has one
-- for every queue.
dsnarf:new {
	name = 'ping8',
	url = os.getenv('DSNARF_URL') or 'http://127.0.0.1:8025/v1/records',
	token = assert(os.getenv('PING8_WEBHOOK_TOKEN'), 'PING8_WEBHOOK_TOKEN must be set'),
	token_header = 'X-PING8-Kumo-Token',
	include_original_message = 'HeadersOnly',
	log_parameters = {
		headers = {
			'X-PING8-Campaign-Id',
			'X-PING8-Task-Id',
			'X-PING8-Recipient-Id',
			'X-PING8-Api-Log-Id',
			'X-PING8-Message-Id',
			'X-PING8-Sending-Profile-Id',
		},
		per_record = {
			Any = {enable = true},
		},
	},
}

kumo.on('init', function()
	kumo.start_http_listener {
		listen = '127.0.0.1:8000',
		trusted_hosts = {'127.0.0.1/32'},
	}
	-- where dsnarf's notices come in: [relay.default] hosts = ["127.0.0.1:2525"]
	kumo.start_esmtp_listener {
		listen = '127.0.0.1:2525',
		relay_hosts = {'127.0.0.1/32'},
	}
	kumo.configure_local_logs {
		log_dir = '/var/log/kumomta',
		max_segment_duration = '5min',
	}
	kumo.define_spool {name = 'data', path = '/var/spool/kumomta/data'}
	kumo.define_spool {name = 'meta', path = '/var/spool/kumomta/meta'}
	kumo.make_egress_source {
		name = 'proxy-default',
		socks5_proxy_server = PROXY,
		socks5_proxy_source_address = PROXY_PUBLIC_IP,
		ehlo_domain = PROXY_HELO,
	}
	kumo.make_egress_pool {
		name = 'shared-default',
		entries = {{name = 'proxy-default'}},
	}
end)

kumo.on('get_queue_config', function()
	return kumo.make_queue_config {
		egress_pool = 'shared-default',
		retry_interval = '5min',
		max_retry_interval = '24h',
	}
end)

kumo.on('get_egress_path_config', function()
	return kumo.make_egress_path {
		enable_tls = 'OpportunisticInsecure',
		smtp_port = 25,
		ip_lookup_strategy = 'Ipv4Only',
	}
end)
