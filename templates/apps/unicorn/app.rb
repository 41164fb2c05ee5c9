# A Rack application under unicorn, which takes a new release by itself: on HUP its workers finish the request that they
# are at, and new ones read the code that `current` names. Its master, and with it supervisor's pid and the listening
# socket, stays.
#
# Build:   cp app.rb config.ru unicorn.rb dist/ && echo v1.2 > dist/VERSION
# Deploy:  build: { path: dist/ }
#
#     programs:
#       shop: { command: "/usr/bin/unicorn -E production -l 127.0.0.1:8080 -c {current}/unicorn.rb {current}/config.ru",
#               reload: unicorn, check: "/usr/bin/ruby -r ./app.rb -e 0",
#               health: { http: "http://127.0.0.1:8080/healthz" } }
#
# `check` is run before the flip: a release that can not even be loaded costs nothing then, and an outage without it,
# because all workers of the old release are told to go at once.

require "json"
require "rack"

class Shop
  # Read when the code is loaded: a worker goes on being of the release that it was started from.
  RELEASE = File.read(File.join(__dir__, "VERSION")).strip
  LONGEST_MS = 20_000

  def call(env)
    status, text = answer(Rack::Request.new(env))
    body = "#{text}\n"
    headers = { "content-type" => "text/plain; charset=utf-8", "content-length" => body.bytesize.to_s, "x-release" => RELEASE }
    [status, headers, [body]]
  end

  # Raises when this process can not do its work. Ask here what yours depends on: a database, a queue.
  def check_health; end

  private

  def answer(request)
    case request.path_info
    when "/" then [200, "hello from #{RELEASE}"]
    when "/version" then [200, RELEASE]
    when "/healthz" then health
    when "/slow" then slow(request.params["ms"])
    when "/log" then log(request)
    else [404, "not found"]
    end
  end

  def health
    check_health
    [200, "ok"]
  rescue StandardError => error
    [503, error.message]
  end

  # A request that takes its time, to watch a deploy wait for it.
  def slow(text)
    unless /\A\d{1,5}\z/.match?(text) && text.to_i <= LONGEST_MS
      return [400, "ms must be a number from 0 to #{LONGEST_MS}"]
    end

    sleep(text.to_i / 1000.0)
    [200, RELEASE]
  end

  # A line in the log, to watch that none is lost.
  def log(request)
    request.get_header("rack.errors").puts("release #{RELEASE} was told #{request.params["text"].to_json}")
    [200, RELEASE]
  end
end
