-- SPDX-License-Identifier: BSD-2-Clause
-- A program beside kumod that follows its logs: posts arrays, repeats after 429 and 5xx up to five
-- times, and moves its checkpoint only after success.

local kumo = require 'kumo'

local function post(records)
	local response

	for _ = 1, 5 do
		response = kumo.http.build_client({}):post(os.getenv('DSNARF_URL'))
			:header('Content-Type', 'application/json')
			:header('Authorization', os.getenv('DSNARF_TOKEN'))
			:body(kumo.serde.json_encode(records)):send()
		if response:status_is_success() then
			return
		end
		if response:status_code() ~= 429 and not response:status_is_server_error() then
			break
		end
		kumo.sleep(2)
	end
	error('webhook returned ' .. response:status_code())
end

kumo.on('main', function()
	local tailer = kumo.jsonl.new_tailer {directory = os.getenv('LOG_DIR'), max_batch_size = 2}

	for batch in tailer:batches() do
		post(batch:records())
		batch:commit()
	end
end)
