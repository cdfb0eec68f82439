// SPDX-License-Identifier: MIT
#include "libfiona/redcap/mirror_file.h"

#include "libfiona/base/json.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace fiona::redcap {

namespace {

constexpr const char* schema = R"(
CREATE TABLE state (role TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE row (role TEXT, record TEXT, event TEXT, instrument TEXT, instance INTEGER,
    content TEXT NOT NULL, PRIMARY KEY (role, record, event, instrument, instance)) WITHOUT ROWID;
CREATE INDEX row_instrument ON row (role, instrument);
CREATE TABLE stale (mark INTEGER PRIMARY KEY AUTOINCREMENT, role TEXT, record TEXT);
)";

TimePoint time_in(const json::Value& state, std::string_view key)
{
    const auto* const value = state.find(key);
    return TimePoint{std::chrono::milliseconds{value == nullptr ? 0 : value->integer()}};
}

std::int64_t to_number(TimePoint when)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

MirrorState parse_state(const std::string& text)
{
    const auto document = json::parse(text, "the state of the copy");
    MirrorState state{.looked = time_in(document, "looked"),
                      .since = time_in(document, "since"),
                      .full = time_in(document, "full"),
                      .log_looked = time_in(document, "log_looked"),
                      .schema_looked = time_in(document, "schema_looked"),
                      .log_is_open = document.text("log_is_open") == "true",
                      .source = document.text("source"),
                      .fields = {}};
    if (const auto* const fields = document.find("fields")) {
        for (const auto& field : fields->array()) {
            state.fields.push_back({field.text("name"), field.text("form"), field.text("type"),
                                    field.text("choices"), field.text("validation")});
        }
    }
    return state;
}

std::string write_state(const MirrorState& state)
{
    json::Array fields;
    for (const auto& field : state.fields) {
        fields.emplace_back(json::Object{{"name", field.name},
                                         {"form", field.form},
                                         {"type", field.type},
                                         {"choices", field.choices},
                                         {"validation", field.validation}});
    }
    return json::write(json::Object{{"looked", to_number(state.looked)},
                                    {"since", to_number(state.since)},
                                    {"full", to_number(state.full)},
                                    {"log_looked", to_number(state.log_looked)},
                                    {"schema_looked", to_number(state.schema_looked)},
                                    {"log_is_open", state.log_is_open ? "true" : "false"},
                                    {"source", state.source},
                                    {"fields", std::move(fields)}});
}

/// Blank values are left out: absent and "" are the same in a Row.
std::string content_of(const Row& row)
{
    json::Object content;
    for (const auto& [field, value] : row.values) {
        if (!value.empty()) {
            content.emplace(field, value);
        }
    }
    return json::write(content);
}

std::string_view field_of(std::string_view column)
{
    return column.substr(0, column.find("___"));
}

Row row_from(const Query& query, const std::set<std::string>& fields)
{
    Row row{.record = query.text(0),
            .event = query.text(1),
            .instrument = query.text(2),
            .instance = static_cast<unsigned>(query.integer(3)),
            .values = {}};
    auto content = json::parse(query.text(4), "a row of the copy");
    for (auto& [column, value] : content.object()) {
        if (fields.contains(std::string{field_of(column)})) {
            row.values.emplace(column, value.string());
        }
    }
    return row;
}

} // namespace

MirrorFile::MirrorFile(std::filesystem::path file)
    : m_database{std::move(file),
                 {.application_id = 0x46494f4d, // "FIOM"
                  .version = 1,
                  .schema = schema,
                  .durability = Database::Durability::crash}}
{
}

std::optional<MirrorState> MirrorFile::state(Role role)
{
    std::optional<MirrorState> state;
    m_database.safely([&](Database& database) {
        Query query{database, "SELECT content FROM state WHERE role = ?", role_name(role)};
        state = query.next() ? std::optional{parse_state(query.text(0))} : std::nullopt;
    });
    return state;
}

void MirrorFile::put_state(Role role, const MirrorState& state, unsigned generation)
{
    m_database.safely([&](Database& database) {
        if (generation == m_database.generation()) {
            run(database, "INSERT OR REPLACE INTO state (role, content) VALUES (?, ?)",
                role_name(role), write_state(state));
        }
    });
}

std::optional<std::vector<Row>> MirrorFile::rows(Role role, const Selection& selection)
{
    std::optional<std::vector<Row>> rows;
    const auto is_wanted = [&](const Row& row) {
        return selection.events.empty()
               || std::ranges::find(selection.events, row.event) != selection.events.end();
    };
    const auto take = [&](Query& query) {
        while (query.next()) {
            auto row = row_from(query, selection.fields);
            if (is_wanted(row)) {
                rows->push_back(std::move(row));
            }
        }
    };
    auto instruments = selection.instruments;
    instruments.insert("");
    m_database.safely([&](Database& database) {
        rows.reset();
        const Transaction transaction{database, Transaction::Kind::read};
        Query state{database, "SELECT 1 FROM state WHERE role = ?", role_name(role)};
        if (!state.next()) {
            return;
        }
        rows.emplace();
        for (const auto& instrument : instruments) {
            if (selection.records.empty()) {
                Query query{database,
                            "SELECT record, event, instrument, instance, content FROM row "
                            "WHERE role = ? AND instrument = ?",
                            role_name(role), instrument};
                take(query);
            }
            for (const auto& record : selection.records) {
                Query query{database,
                            "SELECT record, event, instrument, instance, content FROM row "
                            "WHERE role = ? AND record = ? AND instrument = ?",
                            role_name(role), record, instrument};
                take(query);
            }
        }
    });
    if (rows) {
        std::ranges::sort(*rows, {}, [](const Row& row) {
            return std::tie(row.record, row.event, row.instrument, row.instance);
        });
    }
    return rows;
}

std::vector<std::string> MirrorFile::record_ids(Role role)
{
    std::vector<std::string> ids;
    m_database.safely([&](Database& database) {
        ids.clear();
        Query query{database, "SELECT DISTINCT record FROM row WHERE role = ?", role_name(role)};
        while (query.next()) {
            ids.push_back(query.text(0));
        }
    });
    return ids;
}

void MirrorFile::replace(Role role, const std::vector<std::string>& ids,
                         const std::vector<Row>& rows, std::int64_t mark)
{
    const std::unordered_set<std::string> wanted{ids.begin(), ids.end()};
    const auto name = role_name(role);
    m_database.safely([&](Database& database) {
        Transaction transaction{database, Transaction::Kind::write};
        for (const auto& id : wanted) {
            run(database, "DELETE FROM row WHERE role = ? AND record = ?", name, id);
            run(database, "DELETE FROM stale WHERE role = ? AND record = ? AND mark <= ?", name, id,
                mark);
        }
        for (const auto& row : rows) {
            if (wanted.contains(row.record)) {
                run(database, "INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?, ?, ?)", name,
                    row.record, row.event, row.instrument, row.instance, content_of(row));
            }
        }
        transaction.commit();
    });
}

void MirrorFile::mark_stale(Role role, const std::vector<std::string>& ids)
{
    m_database.safely([&](Database& database) {
        Transaction transaction{database, Transaction::Kind::write};
        for (const auto& id : ids) {
            run(database,
                "INSERT INTO stale (role, record) SELECT role, ?2 FROM state WHERE role = ?1",
                role_name(role), id);
        }
        transaction.commit();
    });
}

MirrorFile::Stale MirrorFile::stale(Role role)
{
    Stale stale;
    m_database.safely([&](Database& database) {
        stale = {};
        Query query{database, "SELECT record, mark FROM stale WHERE role = ? ORDER BY mark",
                    role_name(role)};
        while (query.next()) {
            stale.ids.push_back(query.text(0));
            stale.mark = query.integer(1);
        }
    });
    std::ranges::sort(stale.ids);
    stale.ids.erase(std::unique(stale.ids.begin(), stale.ids.end()), stale.ids.end());
    return stale;
}

} // namespace fiona::redcap
