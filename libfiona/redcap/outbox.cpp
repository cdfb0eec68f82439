// SPDX-License-Identifier: MIT
#include "libfiona/redcap/outbox.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/json.h"

#include <utility>

namespace fiona::redcap {

namespace {

constexpr std::chrono::hours rest_of_refused{1};
constexpr std::chrono::hours memory_of_done{7 * 24};

constexpr const char* schema = R"(
CREATE TABLE outbox (role TEXT, key TEXT, payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'done')), since INTEGER NOT NULL,
    PRIMARY KEY (role, key)) WITHOUT ROWID;
CREATE INDEX outbox_state ON outbox (role, state);
CREATE TABLE quarantine (role TEXT, record TEXT, digest TEXT, reason TEXT NOT NULL,
    since INTEGER NOT NULL, PRIMARY KEY (role, record, digest)) WITHOUT ROWID;
)";

json::Object object_of(const Instance::Values& values)
{
    json::Object object;
    for (const auto& [field, value] : values) {
        object.emplace(field, value);
    }
    return object;
}

Instance::Values values_in(const json::Value& document, std::string_view key)
{
    Instance::Values values;
    if (const auto* const object = document.find(key)) {
        for (const auto& [field, value] : object->object()) {
            values.emplace(field, value.string());
        }
    }
    return values;
}

std::string payload_of(const Instance& instance)
{
    return json::write(json::Object{{"record", instance.record},
                                    {"event", instance.event},
                                    {"instrument", instance.instrument},
                                    {"key", object_of(instance.key)},
                                    {"values", object_of(instance.values)},
                                    {"exclusive", instance.exclusive}});
}

Instance parse_payload(const std::string& payload)
{
    const auto document = json::parse(payload, "the journal of what is written to REDCap");
    return {.record = document.text("record"),
            .event = document.text("event"),
            .instrument = document.text("instrument"),
            .key = values_in(document, "key"),
            .values = values_in(document, "values"),
            .exclusive = document.text("exclusive")};
}

/// The query has ended when the answer is there: a transaction that begins inside it does not wait for
/// another process's (SQLITE_BUSY_SNAPSHOT).
bool has_planned(Database& database, std::string_view role)
{
    Query planned{database, "SELECT 1 FROM outbox WHERE role = ? AND state = 'planned' LIMIT 1",
                  role};
    return planned.next();
}

} // namespace

std::string digest_of(const Instance& instance)
{
    return sha256_hex(json::write(json::Object{{"record", instance.record},
                                               {"event", instance.event},
                                               {"instrument", instance.instrument},
                                               {"key", object_of(instance.key)}}));
}

Outbox::Outbox(const std::filesystem::path& state_dir, Role role)
    : m_database{state_dir / "redcap-outbox.sqlite",
                 {.application_id = 0x46494f4f, // "FIOO"
                  .version = 1,
                  .schema = schema,
                  .durability = Database::Durability::power_loss}},
      m_role{role_name(role)}
{
}

void Outbox::plan(const std::vector<Instance>& instances, TimePoint now)
{
    m_database.safely([&](Database& database) {
        Transaction transaction{database, Transaction::Kind::write};
        run(database, "DELETE FROM outbox WHERE state = 'done' AND since < ?",
            epoch_seconds(now - memory_of_done));
        for (const auto& instance : instances) {
            run(database, "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, 'planned', ?)", m_role,
                digest_of(instance), payload_of(instance), epoch_seconds(now));
        }
        transaction.commit();
    });
}

void Outbox::settle(const std::vector<Instance>& done, const std::vector<Instance>& dropped)
{
    m_database.safely([&](Database& database) {
        if (!has_planned(database, m_role)) {
            return; // the usual case costs no write
        }
        Transaction transaction{database, Transaction::Kind::write};
        for (const auto& instance : done) {
            run(database,
                "UPDATE outbox SET state = 'done', payload = '' WHERE role = ? AND key = ?", m_role,
                digest_of(instance));
        }
        for (const auto& instance : dropped) {
            run(database, "DELETE FROM outbox WHERE role = ? AND key = ?", m_role,
                digest_of(instance));
        }
        transaction.commit();
    });
}

std::vector<Instance> Outbox::planned()
{
    std::vector<Instance> instances;
    m_database.safely([&](Database& database) {
        instances.clear();
        Query query{database,
                    "SELECT payload FROM outbox WHERE role = ? AND state = 'planned' "
                    "ORDER BY since",
                    m_role};
        while (query.next()) {
            instances.push_back(parse_payload(query.text(0)));
        }
    });
    return instances;
}

std::optional<std::string> Outbox::quarantined(const std::string& record, const std::string& digest,
                                               TimePoint now)
{
    std::optional<std::string> reason;
    m_database.safely([&](Database& database) {
        Query query{database,
                    "SELECT reason FROM quarantine WHERE role = ? AND record = ? AND digest = ? "
                    "AND since > ? AND since <= ?",
                    m_role,
                    record,
                    digest,
                    epoch_seconds(now - rest_of_refused),
                    epoch_seconds(now)};
        reason = query.next() ? std::optional{query.text(0)} : std::nullopt;
    });
    return reason;
}

void Outbox::quarantine(const std::string& record, const std::string& digest,
                        const std::string& reason, TimePoint now)
{
    m_database.safely([&](Database& database) {
        Transaction transaction{database, Transaction::Kind::write};
        run(database, "DELETE FROM quarantine WHERE since < ?",
            epoch_seconds(now - rest_of_refused));
        run(database, "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?)", m_role, record,
            digest, reason, epoch_seconds(now));
        transaction.commit();
    });
}

} // namespace fiona::redcap
