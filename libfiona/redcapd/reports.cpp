// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/reports.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

bool is_known(const Schema& schema, std::string_view name)
{
    const auto column = schema.find_column(name);
    return schema.find_field(name).has_value() || (column && !schema.columns[*column].field);
}

/// Lists show a report on one line, in columns.
bool is_one_line(std::string_view text)
{
    return is_utf8(text) && std::ranges::all_of(text, [](char c) {
               return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
           });
}

void check_filter(Database& database, const Schema& schema, const std::string& filter)
{
    FormData form;
    form.add("filterLogic", filter);
    const Access nobody{schema.project, "", 0};
    try {
        check_selection({form, database, schema, nobody, TimePoint{}, Format::json});
    } catch (const Refusal&) { // its text quotes the filter
        throw Error{Fault::data, "the filter is no filterLogic, or names a field, an event or a "
                                 "choice that the project does not have"};
    }
}

/// The export that the report is. Fields that a later dictionary dropped are passed over.
FormData parameters_of(const Call& call, const Report& report)
{
    FormData form;
    for (const auto& field : report.fields) {
        if (is_known(call.schema, field)) {
            form.add(fmt::format("fields[{}]", field), field);
        }
    }
    form.add("filterLogic", report.filter);
    constexpr std::array<const char*, 9> taken{"format",
                                               "returnFormat",
                                               "rawOrLabel",
                                               "rawOrLabelHeaders",
                                               "exportCheckboxLabel",
                                               "csvDelimiter",
                                               "decimalCharacter",
                                               "combineCheckboxOptions",
                                               "exportBlankForGrayFormStatus"};
    for (const auto* const name : taken) {
        form.add(name, call.form.text(name));
    }
    return form;
}

} // namespace

std::vector<Report> list_reports(Database& database, std::int64_t project)
{
    std::vector<Report> reports;
    Query query{database,
                "SELECT id, title, fields, filter FROM report WHERE project = ? "
                "ORDER BY id",
                project};
    while (query.next()) {
        Report report{query.integer(0), query.text(1), {}, query.text(3)};
        const auto fields = query.text(2);
        for (const auto field : split(fields, ',')) {
            report.fields.emplace_back(field);
        }
        reports.push_back(std::move(report));
    }
    return reports;
}

std::int64_t store_report(Database& database, const Schema& schema, Report report)
{
    if (report.title.empty() || !is_one_line(report.title) || !is_one_line(report.filter)) {
        throw Error{Fault::data, "a report needs a title of one line, and a filter of one line"};
    }
    std::erase(report.fields, schema.record_id());
    report.fields.insert(report.fields.begin(), schema.record_id());
    for (const auto& there : list_reports(database, schema.project)) {
        if (there.title != report.title) {
            continue;
        }
        if (there.fields == report.fields && there.filter == report.filter) {
            return there.id;
        }
        throw Error{Fault::data, "project {} has another report of that title: {}", schema.name,
                    there.id};
    }
    for (const auto& field : report.fields) {
        if (!is_known(schema, field)) {
            throw Error{Fault::data, "project {} has no field {}", schema.name, field};
        }
    }
    check_filter(database, schema, report.filter);
    run(database, "INSERT INTO report (project, title, fields, filter) VALUES (?, ?, ?, ?)",
        schema.project, report.title, fmt::format("{}", fmt::join(report.fields, ",")),
        report.filter);
    return database.last_row_id();
}

void remove_report(Database& database, const Schema& schema, std::int64_t id)
{
    if (run(database, "DELETE FROM report WHERE project = ? AND id = ?", schema.project, id) == 0) {
        throw Error{Fault::missing, "project {} has no report {}", schema.name, id};
    }
}

Answer export_report(const Call& call)
{
    call.require(Right::export_data);
    const auto& asked = call.form.text("report_id");
    for (const auto& report : list_reports(call.database, call.schema.project)) {
        if (fmt::format("{}", report.id) == asked) {
            const auto form = parameters_of(call, report);
            return export_records(
                {form, call.database, call.schema, call.access, call.now, call.error_format});
        }
    }
    throw Refusal{400, "The value of the parameter \"report_id\" is not valid"};
}

} // namespace fiona::redcapd
