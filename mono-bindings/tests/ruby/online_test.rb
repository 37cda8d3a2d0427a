# Calls of a real server.

require "securerandom"
require "socket"
require "support"
require "timeout"

class Progress < ProgressListener
  attr_reader :seen

  def initialize(error = nil)
    super()
    @seen, @error = [], error
  end

  def on_progress(done, total)
    @seen << [done, total]
    raise @error if @error
  end
end

class Log < LogListener
  attr_reader :records

  def initialize
    super
    @records = Queue.new
  end

  def on_record(record)
    @records << record
    raise "nobody minds"
  end
end

class OnlineTest < Minitest::Test
  TABLE = OfflineTest::TABLE
  LOG = Log.new
  MonoBindings.set_log_listener(LOG, LogLevel::DEBUG)

  def test_a_login_is_kept_by_the_client_and_not_shown
    mono = client
    login = mono.login("lena@lagoon.example", PASSWORD)
    assert_operator login.expires_at, :>, Time.now
    [login.to_s, login.inspect, [login].inspect].each { |shown| refute_includes shown, login.access_token }
    challenge = SecondFactorChallenge.new(challenge: "hunter2", expires_at: Time.now)
    refute_includes LoginAnswer::SECOND_FACTOR.new(challenge: challenge).inspect + challenge.inspect, "hunter2"
    assert_equal login.user_id, mono.me.id
    error = assert_raises(MonoError::Unauthorized) { client.login("lena@lagoon.example", "Wrong-Password-1!") }
    assert_equal "invalid_credentials", error.code
    assert_kind_of MonoError, error
  end

  def test_the_permissions_of_the_server_decide_as_the_table_says
    tom = signed_in("tom@harbour.example")
    tenant, account = tom.me.tenant_id, tom.all_accounts.last.id
    people = TABLE["principals"].keys.grep(/@/)
    compared = people.sum do |person|
      mono = signed_in(person).with_tenant(tenant)
      error = assert_raises(MonoError::Unavailable) { mono.can("tenant.accounts.read", "tenant:#{tenant}") }
      assert_equal "permissions_not_loaded", error.code
      mono.permissions
      rows = TABLE["decisions"].select { |row| row["principal"] == person }
      rows.each do |row|
        scope = row["scope"].sub(TABLE["tenant"], tenant).sub(TABLE["account"], account)
        if scope.start_with?("tenant:#{tenant}")
          assert_equal row["snapshot"], mono.can(row["permission"], scope), row
        else
          error = assert_raises(MonoError::Validation) { mono.can(row["permission"], scope) }
          assert_equal "other_tenant", error.code
        end
      end
      rows.size
    end
    assert_equal 80, compared
  end

  def test_a_limit_of_the_server_is_a_native_exception
    mono = signed_in("tom@harbour.example")
    error = assert_raises(MonoError::LimitExceeded) do
      6.times { |number| mono.create_account(CreateAccount.new(name: "Berth #{number}")) }
    end
    details = JSON.parse(error.details)
    assert_equal ["accounts", 5], details.values_at("limit", "maximum")
    assert error.request_id
  end

  def test_a_long_list_tells_how_far_it_is
    mono = signed_in("lena@lagoon.example")
    110.times { |number| mono.create_account(CreateAccount.new(name: "Buoy #{number}")) }
    progress = Progress.new
    accounts = mono.all_accounts("buoy", nil, progress)
    assert_equal 110, accounts.map(&:id).uniq.size
    assert_equal [[100, 110], [110, 110]], progress.seen
    error = assert_raises(MonoError::Internal) { mono.all_accounts("buoy", nil, Progress.new(ArgumentError.new("enough"))) }
    assert_equal "callback_failed", error.code
  end

  def test_a_write_with_a_key_is_done_once
    mono = signed_in("lena@lagoon.example")
    keyed = mono.with_idempotency_key(SecureRandom.uuid)
    first, second = Array.new(2) { keyed.create_account(CreateAccount.new(name: "Once")) }
    assert_equal first, second
    refute_equal first.id, mono.create_account(CreateAccount.new(name: "Once", slug: "twice")).id
  end

  def test_members_and_teams_and_any_other_route
    mono = signed_in("lena@lagoon.example")
    lena = mono.list_members(ListMembers.new(search: "lena@")).items.first
    assert_equal lena, mono.get_member(lena.id)
    team = mono.create_team(mono.all_accounts.last.id, "Dredgers")
    mono.add_team_member(team.id, lena.id)
    assert_equal [lena], mono.list_team_members(team.id, ListTeams.new).items
    team = mono.update_team(team.id, UpdateTeam.new(version: team.version, name: "Divers"))
    assert_equal [team], mono.list_teams(team.account_id, ListTeams.new(search: "divers")).items
    path = "/api/v1/tenant/teams/#{team.id}"
    assert_equal "Divers", JSON.parse(mono.request("GET", path))["name"]
    assert_nil mono.request("DELETE", path)
    error = assert_raises(MonoError::NotFound) { mono.get_team(team.id) }
    assert error.request_id
    assert_equal mono.me.tenant_id, mono.choose_tenant(mono.tenants.first.tenant_id).tenant_id
  end

  def test_an_id_that_is_none_is_a_validation_error
    error = assert_raises(MonoError::Validation) { client.get_account("harbour") }
    assert_equal "id", JSON.parse(error.details)["fields"][0]["field"]
    assert_raises(MonoError::Validation) { client.with_tenant("harbour") }
  end

  def test_a_span_of_time_is_a_number_of_seconds
    silent = TCPServer.new("127.0.0.1", 0)
    error = assert_raises(MonoError::Unavailable) { Client.new("http://127.0.0.1:#{silent.addr[1]}", 0.2).ping }
    assert_equal "timeout", error.code
    assert_raises(TypeError) { Client.new(ADDRESS, "soon") }
    assert_raises(ArgumentError) { Client.new(ADDRESS, -1) }
  ensure
    silent&.close
  end

  def test_any_number_of_refused_calls_cause_one_refresh
    kept = MemoryStore.new
    signed_in("lena@lagoon.example", kept)
    session = JSON.parse(kept.session)
    session["accessToken"] = "ended." + session["accessToken"]
    store = MemoryStore.new(JSON.generate(session))
    mono = client(store)
    threads = Array.new(10) { Thread.new { mono.list_accounts(ListAccounts.new(limit: 1)).items.size } }
    assert_equal [1] * 10, threads.map(&:value)
    # A second refresh would have written once more, and ended the session for the use of an old token.
    assert_equal 1, store.saved
    mono.refresh
    assert_equal 2, store.saved
    mono.logout
    assert_equal [nil, 1], [store.session, store.cleared]
  end

  def test_what_a_store_raises_comes_back
    locked = MonoError::Unavailable.new(code: "locked", text: "locked", details: nil, request_id: nil)
    error = assert_raises(MonoError::Unavailable) { signed_in("lena@lagoon.example", MemoryStore.new(error: locked)) }
    assert_equal "locked", error.code
    error = assert_raises(MonoError::Internal) { signed_in("lena@lagoon.example", MemoryStore.new(error: IOError.new("full"))) }
    assert_equal "callback_failed", error.code
  end

  def test_what_is_no_standard_error_fails_too
    [NotImplementedError.new, SystemExit.new, Interrupt.new, NoMemoryError.new].each do |raised|
      mono = client(MemoryStore.new(error: raised))
      error = assert_raises(MonoError::Internal) { mono.login("lena@lagoon.example", PASSWORD) }
      assert_equal "callback_failed", error.code
      assert_includes error.details, raised.class.name
      assert_equal false, mono.is_signed_in
      stopped = Progress.new(raised)
      assert_raises(MonoError::Internal) { signed_in("lena@lagoon.example").all_accounts(nil, nil, stopped) }
    end
  end

  # In a program of its own: it is for good.
  SHUTDOWN = <<~RUBY
    begun, ends, go, seen = Queue.new, Queue.new, Queue.new, Queue.new
    calling = signed_in("lena@lagoon.example")
    listener = Class.new(ProgressListener) do
      define_method(:on_progress) { |*| begun << true; go.pop; seen << :listened }
    end.new
    list = Thread.new do
      calling.all_accounts(nil, nil, listener)
    rescue MonoBindings::MonoError => error # where there is another page
      raise unless error.code == "shut_down"
    end
    begun.pop
    ending = Thread.new { ends << true; MonoBindings.shutdown; seen << :ended }
    ends.pop
    go << true
    [list, ending].each(&:join)
    begin
      client.ping
    rescue MonoBindings::MonoError => error
      seen << error.code
    end
    seen = Array.new(seen.size) { seen.pop }
    abort seen.inspect unless seen == [:listened, :ended, "shut_down"]
    exit!(0) # without the cases
  RUBY

  def test_a_shutdown_waits_for_a_listener
    command = ["ruby", "-W0", *$LOAD_PATH.flat_map { |folder| ["-I", folder] }, "-e"]
    assert system(*command, "require 'support'\n#{SHUTDOWN}"), $?.inspect
  end

  def test_each_call_is_logged_without_a_secret
    mono = signed_in("lena@lagoon.example")
    LOG.records.clear
    mono.list_accounts(ListAccounts.new(search: "hunter2"))
    records = Array.new(LOG.records.size) { LOG.records.pop }
    record = records.find { |found| found.fields["route"]&.end_with?("/accounts") }
    assert_equal %w[GET 200], record.fields.values_at("method", "status")
    refute_includes records.inspect, "hunter2"
    assert_raises(MonoError::Conflict) { MonoBindings.set_log_listener(Log.new, LogLevel::TRACE) }
  end

  def test_a_call_that_is_cancelled_is_given_up
    silent = TCPServer.new("127.0.0.1", 0)
    mono = Client.new("http://127.0.0.1:#{silent.addr[1]}", TIMEOUT)
    calling = Thread.new { mono.ping }
    calling.report_on_exception = false
    connection = silent.accept
    connection.readpartial(65_536)
    calling.raise(Interrupt)
    assert_raises(Interrupt) { calling.value }
    # The client has hung up, long before its timeout.
    assert connection.wait_readable(60)
    assert_nil connection.read(1)
  ensure
    connection&.close
    silent&.close
  end

  def test_a_call_that_takes_too_long_is_given_up
    silent = TCPServer.new("127.0.0.1", 0)
    mono = Client.new("http://127.0.0.1:#{silent.addr[1]}", TIMEOUT)
    assert_raises(Timeout::Error) { Timeout.timeout(0.2) { mono.ping } }
    client.ping
  ensure
    silent&.close
  end
end
