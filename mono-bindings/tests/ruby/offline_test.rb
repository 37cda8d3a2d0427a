# Checks without a server: the table that every language answers, hostile snapshots, limits.

require "support"

class OfflineTest < Minitest::Test
  TABLE = JSON.parse(File.read(ENV.fetch("MONO_TEST_DECISIONS"), encoding: "UTF-8"))
  NOW = Time.iso8601(TABLE["now"])
  EXPIRES = Time.iso8601(TABLE["expires"])
  SECRET = (0...32).to_a.pack("C*")
  ENGINE = PermissionEngine.from_seed(SEED)
  KEYS = [MonoBindings.snapshot_public_key(SECRET)].freeze

  def snapshot(principal)
    facts = JSON.generate(TABLE["principals"].fetch(principal))
    request = SnapshotRequest.new(
      principal: principal, tenant: TABLE["tenant"], facts: facts, issued_at: NOW, expires_at: EXPIRES
    )
    ENGINE.snapshot(request, SECRET)
  end

  def test_an_object_of_the_library_is_neither_copied_nor_marshalled
    [-> { ENGINE.dup }, -> { ENGINE.clone }, -> { Marshal.dump(ENGINE) }].each do |copy|
      assert_raises(TypeError, &copy)
    end
  end

  def test_the_engine_decides_as_the_table_says
    sets = TABLE["principals"].transform_values { |facts| ENGINE.compile(JSON.generate(facts)) }
    assert_equal 200, TABLE["decisions"].size
    TABLE["decisions"].each do |row|
      asked = [row["permission"], row["scope"], NOW]
      assert_equal row["allowed"], sets[row["principal"]].check(*asked), row
      assert_equal row["reason"], JSON.parse(sets[row["principal"]].explain(*asked))["reason"], row
    end
    TABLE["decisions"].group_by { |row| row.values_at("principal", "scope") }.each do |(principal, scope), rows|
      answers = sets[principal].check_all(rows.map { |row| row["permission"] }, scope, NOW)
      assert_equal rows.map { |row| row["allowed"] }, answers
    end
  end

  def test_a_snapshot_decides_as_the_table_says
    snapshots = TABLE["principals"].to_h do |name, _|
      [name, PermissionSnapshot.verify(snapshot(name), KEYS, NOW)]
    end
    TABLE["decisions"].each do |row|
      snapshot = snapshots[row["principal"]]
      assert_equal row["snapshot"], snapshot.check(row["permission"], row["scope"], NOW), row
      assert_equal false, snapshot.check(row["permission"], row["scope"], EXPIRES), row
    end
  end

  def test_a_snapshot_says_whose_it_is
    snapshot = PermissionSnapshot.verify(snapshot("uma@harbour.example"), KEYS, NOW)
    assert_equal ["uma@harbour.example", TABLE["tenant"]], [snapshot.principal, snapshot.tenant]
    assert_equal [NOW, EXPIRES], [snapshot.issued_at, snapshot.expires_at]
    assert_equal JSON.parse(SEED)["version"].to_s, snapshot.catalogue_version
  end

  def test_a_hostile_snapshot_is_refused
    signed = snapshot("uma@harbour.example")
    hostile = {
      "nothing" => "",
      "a forged signature" => signed[0...-64] + "\0" * 64,
      "the signature of another" => snapshot("tom@harbour.example")[0...-64] + signed[-64..],
      "a changed role" => signed.sub('"role":"user"', '"role":"boss"'),
      "huge" => "MPS\x01" + "[" * 10_000_000,
    }
    (0...signed.bytesize).step(7) { |length| hostile["the first #{length} bytes"] = signed[0...length] }
    hostile.each do |name, bytes|
      error = assert_raises(MonoError::Unauthorized, name) { PermissionSnapshot.verify(bytes.b, KEYS, NOW) }
      assert_equal "snapshot_refused", error.code
    end
    others = [MonoBindings.snapshot_public_key("\0" * 32)]
    assert_raises(MonoError::Unauthorized) { PermissionSnapshot.verify(signed, others, NOW) }
    assert_raises(MonoError::Unauthorized) { PermissionSnapshot.verify(signed, KEYS, EXPIRES) }
    assert_raises(MonoError::Validation) { PermissionSnapshot.verify(signed, ["short"], NOW) }
  end

  def test_a_limit_that_is_used_up_is_a_native_exception
    subscription = JSON.generate(plan: "starter", state: { state: "active" })
    starter = Plans.from_seed(SEED).entitlements(subscription, NOW)
    assert_equal 2, starter.check("accounts", 3, 1).remaining
    error = assert_raises(MonoError::LimitExceeded) { starter.require_room("accounts", 5, 1) }
    assert_equal({ "limit" => "accounts", "current" => 5, "maximum" => 5 }, JSON.parse(error.details))
  end

  def test_malformed_input_is_a_validation_error_that_names_its_place
    error = assert_raises(MonoError::Validation) { PermissionEngine.new("{", "[]") }
    assert_equal "catalogue", JSON.parse(error.details)["fields"][0]["field"]
  end
end
