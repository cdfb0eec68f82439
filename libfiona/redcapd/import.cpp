// SPDX-License-Identifier: MIT
#include "libfiona/base/csv.h"
#include "libfiona/base/json.h"
#include "libfiona/base/number.h"
#include "libfiona/redcapd/import_rows.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/unique_rows.h"
#include "libfiona/redcapd/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_logged_value = 200; // bytes; a log line is for people
constexpr std::size_t max_logged_details = 4000;

Blanks asked_blanks(const Call& call)
{
    const auto& behavior = call.form.text("overwriteBehavior");
    if (behavior.empty() || behavior == "normal") {
        return Blanks::ignore;
    }
    if (behavior == "overwrite") {
        return Blanks::erase;
    }
    throw Refusal{400, "The value of the parameter \"overwriteBehavior\" is not valid"};
}

/// What happened to one record in this import.
struct Outcome {
    std::int64_t id = 0;
    bool created = false;
    bool changed = false;
    std::string details;
};

void add_detail(std::string& details, const std::string& text)
{
    if (details.size() + text.size() < max_logged_details) {
        details += (details.empty() ? "" : ",\n") + text;
    }
}

class RecordImport {
public:
    explicit RecordImport(const Call& call) : m_call{call} {}

    void store(const ImportRow& row)
    {
        auto& outcome = outcome_of(row.record);
        m_event = m_call.schema.events[row.event].id;
        m_form = row.form ? m_call.schema.forms[*row.form].name : "";
        m_instance = row.instance;
        if (row.instance == 0) {
            m_instance = next_instance(outcome.id);
        }
        if (row.form || m_instance != 1) {
            add_detail(outcome.details, fmt::format("[instance = {}]", m_instance));
        }
        keep_row(outcome, row);
        for (const auto& [column, value] : row.values) {
            store_value(outcome, column, value);
        }
    }

    /// record.modified and the log; a record to which nothing happened gets neither.
    void finish()
    {
        for (const auto& [name, outcome] : m_outcomes) {
            if (!outcome.created && !outcome.changed) {
                continue;
            }
            check_unique_rows(m_call, outcome.id, name);
            run(m_call.database, "UPDATE record SET modified = ? WHERE id = ?",
                epoch_seconds(m_call.now), outcome.id);
            write_log(
                m_call.database, m_call.schema.project, m_call.now,
                {m_call.access.account,
                 fmt::format("{} record (API) {}", outcome.created ? "Create" : "Update", name),
                 outcome.details, name});
        }
    }

private:
    Outcome& outcome_of(const std::string& name)
    {
        const auto known = m_outcomes.find(name);
        if (known != m_outcomes.end()) {
            return known->second;
        }
        Outcome outcome;
        Query query{m_call.database, "SELECT id FROM record WHERE project = ? AND name = ?",
                    m_call.schema.project, name};
        if (query.next()) {
            outcome.id = query.integer(0);
        } else {
            const auto now = epoch_seconds(m_call.now);
            run(m_call.database,
                "INSERT INTO record (project, name, created, modified) VALUES (?, ?, ?, ?)",
                m_call.schema.project, name, now, now);
            outcome.id = m_call.database.last_row_id();
            outcome.created = true;
        }
        return m_outcomes.emplace(name, std::move(outcome)).first->second;
    }

    [[nodiscard]] std::int64_t next_instance(std::int64_t record) const
    {
        Query query{m_call.database,
                    "SELECT coalesce(max(instance), 0) + 1 FROM value "
                    "WHERE record = ? AND event = ? AND instance_form = ?",
                    record, m_event, m_form};
        return query.next() ? query.integer(0) : 1;
    }

    /// Makes the row exist even without values: the record id on its base row, and the state of
    /// the forms that get a value.
    void keep_row(Outcome& outcome, const ImportRow& row)
    {
        const auto& schema = m_call.schema;
        const auto base_instance = row.form ? 1 : m_instance;
        outcome.changed |=
            run(m_call.database,
                "INSERT INTO value (record, event, instance_form, instance, field, code, value) "
                "VALUES (?, ?, '', ?, ?, '', ?) ON CONFLICT DO NOTHING",
                outcome.id, m_event, base_instance, schema.record_id(), row.record)
            > 0;
        std::set<std::size_t> forms;
        if (row.form) {
            forms.insert(*row.form);
        }
        for (const auto& [column, value] : row.values) {
            if (!value.empty()) {
                forms.insert(schema.columns[column].form);
            }
        }
        for (const auto form : forms) {
            outcome.changed |=
                run(m_call.database,
                    "INSERT INTO value (record, event, instance_form, instance, field, code, "
                    "value) VALUES (?, ?, ?, ?, ?, '', '0') ON CONFLICT DO NOTHING",
                    outcome.id, m_event, m_form, m_instance, schema.forms[form].complete_field())
                > 0;
        }
    }

    void store_value(Outcome& outcome, std::size_t at, const std::string& sent)
    {
        const auto& column = m_call.schema.columns[at];
        const auto& value = sent.empty() && !column.field ? no_state : sent;
        const auto& field = column.field ? m_call.schema.fields[*column.field].name() : column.name;
        const bool erase = value.empty() || (column.is_checkbox && value == "0");
        const auto changed =
            erase ? run(m_call.database,
                        "DELETE FROM value WHERE record = ? AND event = ? AND instance_form = ? "
                        "AND instance = ? AND field = ? AND code = ?",
                        outcome.id, m_event, m_form, m_instance, field, column.code)
                  : run(m_call.database,
                        "INSERT INTO value (record, event, instance_form, instance, field, code, "
                        "value) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                        "value = excluded.value WHERE value <> excluded.value",
                        outcome.id, m_event, m_form, m_instance, field, column.code, value);
        if (changed > 0) {
            outcome.changed = true;
            add_detail(outcome.details, detail(column, value));
        }
    }

    /// Identifiers and secrets (both marked in the dictionary) are logged by name only.
    [[nodiscard]] std::string detail(const Column& column, const std::string& value) const
    {
        const bool secret =
            column.field && !m_call.schema.fields[*column.field].cell(Cell::identifier).empty();
        if (secret || value.size() > max_logged_value) {
            return column.name;
        }
        if (column.is_checkbox) {
            return fmt::format("{}({}) = {}", m_call.schema.fields[*column.field].name(),
                               column.code, value == "1" ? "checked" : "unchecked");
        }
        return fmt::format("{} = '{}'", column.name, value);
    }

    inline static const std::string no_state = "0"; ///< a form has a state as long as it has a row

    const Call& m_call;
    std::map<std::string, Outcome, std::less<>> m_outcomes;
    std::int64_t m_event = 0; ///< where the row being stored lies
    std::string m_form;
    std::int64_t m_instance = 1;
};

/// Greater numbers are names, not counters.
constexpr std::int64_t max_counter = 1'000'000'000'000'000;

std::int64_t highest_number(const Call& call)
{
    std::int64_t highest = 0;
    Query query{call.database, "SELECT name FROM record WHERE project = ?", call.schema.project};
    while (query.next()) {
        const auto number = read_number<std::int64_t>(query.text(0)).value_or(0);
        if (number <= max_counter) {
            highest = std::max(highest, number);
        }
    }
    return highest;
}

/// Distinct records in the order of their first row: id now, id sent.
using Names = std::vector<std::pair<std::string, std::string>>;

/// With forceAutoNumber every record id sent is only a placeholder for a new one.
Names final_names(const Call& call, std::vector<ImportRow>& rows)
{
    const bool renumber = call.form.flag("forceAutoNumber");
    auto next = renumber ? highest_number(call) : 0;
    Names names;
    std::map<std::string, std::string, std::less<>> by_sent;
    for (auto& row : rows) {
        if (!by_sent.contains(row.record)) {
            const auto name = renumber ? fmt::format("{}", ++next) : row.record;
            by_sent.emplace(row.record, name);
            names.emplace_back(name, row.record);
        }
        row.record = by_sent.at(row.record);
    }
    return names;
}

Answer ids_answer(const Call& call, const std::vector<std::string>& ids)
{
    std::string body;
    switch (call.error_format) {
    case Format::json: body = json::write(json::Array(ids.begin(), ids.end())); break;
    case Format::csv:
        body = "id\n";
        for (const auto& id : ids) {
            body += csv::quoted(id, '\n') + "\n"; // `new,given` is no two cells
        }
        break;
    case Format::xml:
        body = R"(<?xml version="1.0" encoding="UTF-8" ?><ids>)";
        for (const auto& id : ids) {
            body += fmt::format("<id>{}</id>", xml::escaped(id));
        }
        body += "</ids>";
        break;
    }
    return {200, std::string{content_type(call.error_format)}, std::move(body)};
}

Answer import_answer(const Call& call, const Names& names)
{
    const auto& wanted = call.form.text("returnContent");
    std::vector<std::string> ids;
    for (const auto& [name, sent] : names) {
        const bool both = wanted == "auto_ids" && call.form.flag("forceAutoNumber");
        ids.push_back(both ? fmt::format("{},{}", name, sent) : name);
    }
    if (wanted == "ids" || wanted == "auto_ids") {
        return ids_answer(call, ids);
    }
    if (wanted == "nothing") {
        return {200, std::string{content_type(call.error_format)},
                call.error_format == Format::json ? "[{}]" : ""};
    }
    return count_answer(static_cast<std::int64_t>(names.size()), call.error_format);
}

Answer background_answer(Format format)
{
    std::string body;
    switch (format) {
    case Format::json: body = R"({"success":true})"; break;
    case Format::csv: body = "success\n1"; break;
    case Format::xml:
        body = R"(<?xml version="1.0" encoding="UTF-8" ?><hash><success>1</success></hash>)";
        break;
    }
    return {200, std::string{content_type(format)}, std::move(body)};
}

/// Before anything is written: what the answer could not say is refused.
void check_answer_wanted(const Call& call)
{
    const auto& wanted = call.form.text("returnContent");
    if (!wanted.empty() && wanted != "count" && wanted != "ids" && wanted != "auto_ids"
        && wanted != "nothing") {
        throw Refusal{400, "The value of the parameter \"returnContent\" is not valid"};
    }
    const auto& type = call.form.text("type");
    if (!type.empty() && type != "flat" && type != "eav") {
        throw Refusal{400, "The value of the parameter \"type\" is not valid"};
    }
}

Dates asked_dates(const Call& call)
{
    const auto& dates = call.form.text("dateFormat");
    if (dates == "MDY") {
        return Dates::month_first;
    }
    if (dates == "DMY") {
        return Dates::day_first;
    }
    if (!dates.empty() && dates != "YMD") {
        throw Refusal{400, "The value of the parameter \"dateFormat\" is not valid"};
    }
    return Dates::year_first;
}

std::vector<ImportRow> asked_rows(const Call& call)
{
    auto sent = data_rows(call.form.text("data"), call.format(), call.delimiter());
    if (call.form.text("type") == "eav") {
        sent = flat_rows(call.schema, sent);
    }
    return checked_rows(call.schema, sent, {asked_blanks(call), asked_dates(call)});
}

} // namespace

void store_rows(const Call& call, const std::vector<ImportRow>& rows)
{
    RecordImport import{call};
    for (const auto& row : rows) {
        import.store(row);
    }
    import.finish();
}

Answer import_records(const Call& call)
{
    call.require(Right::import_data);
    check_answer_wanted(call);
    auto rows = asked_rows(call);
    const auto names = final_names(call, rows);
    store_rows(call, rows);
    if (call.form.flag("backgroundProcess")) { // done already, which such a client cannot mind
        return background_answer(call.error_format);
    }
    return import_answer(call, names);
}

Answer next_record_name(const Call& call)
{
    call.require(Right::export_data);
    return plain_answer(fmt::format("{}", highest_number(call) + 1));
}

} // namespace fiona::redcapd
