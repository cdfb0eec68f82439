// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/maintenance.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/validation.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

namespace fiona::redcapd {

namespace fs = std::filesystem;

namespace {

/// Removed unless it was moved to where it belongs.
class Unfinished {
public:
    explicit Unfinished(fs::path file) : m_file{std::move(file)} {}
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished()
    {
        std::error_code ignored;
        fs::remove(m_file, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return m_file; }

private:
    fs::path m_file;
};

void sync_file(const fs::path& file)
{
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) {
        throw os_error(errno, fmt::format("sync {}", file.native()));
    }
}

void check_tables(Database& database, CheckReport& report)
{
    Query integrity{database, "PRAGMA integrity_check(10)"};
    while (integrity.next()) {
        if (const auto text = integrity.text(0); text != "ok") {
            report.damage.push_back(text);
        }
    }
    Query keys{database, "PRAGMA foreign_key_check"};
    std::map<std::string, int> broken;
    while (keys.next()) {
        ++broken[keys.text(0)];
    }
    for (const auto& [table, count] : broken) {
        report.damage.push_back(fmt::format("table {}: {} rows point to nothing", table, count));
    }
}

/// Counts by kind, so that a damaged project gives a few lines.
class ProjectCheck {
public:
    ProjectCheck(Database& database, std::int64_t project)
        : m_database{database}, m_schema{load_schema(database, project)}
    {
    }

    void run(CheckReport& report)
    {
        Query records{m_database, "SELECT id, name FROM record WHERE project = ?",
                      m_schema.project};
        while (records.next()) {
            check_record(records.integer(0), records.text(1));
        }
        Query unseen{m_database,
                     "SELECT v.field, v.code FROM value v JOIN record r ON r.id = v.record "
                     "WHERE r.project = ?",
                     m_schema.project};
        while (unseen.next()) {
            if (!m_schema.stored_column(unseen.text(0), unseen.text(1))) {
                ++m_hints[fmt::format("values of field {}, which the dictionary does not have",
                                      unseen.text(0))];
            }
        }
        for (const auto& [what, count] : m_hints) {
            report.hints.push_back(fmt::format("project {}: {} {}", m_schema.name, count, what));
        }
    }

private:
    void check_record(std::int64_t id, const std::string& name)
    {
        const auto record = load_record(m_database, m_schema, id, name);
        std::map<std::pair<std::size_t, std::size_t>, std::set<std::vector<std::string>>> keys;
        for (const auto& [row, values] : record.rows) {
            for (const auto& [at, value] : values) {
                const auto& column = m_schema.columns[at];
                const bool is_file =
                    column.field && m_schema.fields[*column.field].kind == FieldKind::file;
                if (!is_file && value_problem(m_schema, column, value)) {
                    ++m_hints[fmt::format("values of {} that its validation refuses", column.name)];
                }
            }
            if (row.form) {
                check_unique(row, values, keys[{row.event, *row.form}]);
            }
        }
    }

    void check_unique(const RowKey& row, const RowValues& values,
                      std::set<std::vector<std::string>>& seen)
    {
        const auto& form = m_schema.forms[*row.form];
        std::vector<std::string> key;
        for (const auto& field : form.unique_fields) {
            const auto column = m_schema.find_column(field);
            key.push_back(column ? shown_value(m_schema, row, values, *column) : "");
        }
        const bool blank =
            std::ranges::all_of(key, [](const std::string& part) { return part.empty(); });
        if (!blank && !seen.insert(key).second) {
            ++m_hints[fmt::format("instances of {} that are not unique", form.name)];
        }
    }

    Database& m_database;
    Schema m_schema;
    std::map<std::string, int> m_hints;
};

} // namespace

void back_up(Database& database, const fs::path& target)
{
    const auto directory = target.has_parent_path() ? target.parent_path() : fs::path{"."};
    make_directories(directory);
    const auto name = target.filename().native();
    const FileLock lock{directory / fmt::format(".{}.lock", name)};
    const Unfinished copy{directory / fmt::format(".{}.part", name)};
    std::error_code ignored;
    fs::remove(copy.path(), ignored); // of a run that was killed
    const auto old_mask = ::umask(0077);
    try {
        database.copy_to(copy.path());
    } catch (...) {
        ::umask(old_mask);
        throw;
    }
    ::umask(old_mask);
    sync_file(copy.path());
    if (::rename(copy.path().c_str(), target.c_str()) != 0) {
        throw os_error(errno, fmt::format("rename to {}", target.native()));
    }
    sync_directory(directory);
}

CheckReport check_database(Database& database)
{
    CheckReport report;
    check_tables(database, report);
    if (report.damage.empty()) {
        for (const auto& project : list_projects(database)) {
            ProjectCheck{database, project.id}.run(report);
        }
    }
    return report;
}

std::string dictionary_csv(const Schema& schema)
{
    std::string out;
    const auto add_line = [&](const auto& cells) {
        bool first = true;
        for (const auto& cell : cells) {
            out += first ? "" : ",";
            out += csv::quoted(cell, ',');
            first = false;
        }
        out += '\n';
    };
    add_line(dictionary_headers);
    for (const auto& field : schema.fields) {
        add_line(field.row);
    }
    return out;
}

void apply_dictionary(Database& database, const Schema& schema, Dictionary dictionary)
{
    if (dictionary.fields.front().name() != schema.record_id()) {
        throw Error{Fault::data, "The first field, which is the record ID, cannot be changed"};
    }
    for (auto& form : dictionary.forms) { // labels are no part of a dictionary: keep known ones
        if (const auto known = schema.find_form(form.name)) {
            form.label = schema.forms[*known].label;
            form.unique_fields = schema.forms[*known].unique_fields;
        }
    }
    replace_dictionary(database, schema.project, dictionary.fields, dictionary.forms);
}

void set_unique_fields(Database& database, const Schema& schema, const std::string& form,
                       const std::vector<std::string>& fields)
{
    const auto found = schema.find_form(form);
    if (!found) {
        throw Error{Fault::usage, "project {} has no form {}", schema.name, form};
    }
    for (const auto& name : fields) {
        const auto field = schema.find_field(name);
        if (!field || schema.fields[*field].form != *found
            || schema.fields[*field].kind == FieldKind::checkbox) {
            throw Error{Fault::usage, "form {} has no field {} with one value", form, name};
        }
    }
    run(database, "UPDATE form SET unique_fields = ? WHERE project = ? AND name = ?",
        fmt::format("{}", fmt::join(fields, ",")), schema.project, form);
}

} // namespace fiona::redcapd
