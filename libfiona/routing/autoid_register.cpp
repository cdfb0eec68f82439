// SPDX-License-Identifier: MIT
#include "libfiona/routing/autoid_register.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/filter.h"

#include <algorithm>

namespace fiona::routing {

namespace {

constexpr std::string_view keyed_method = "2";
constexpr std::size_t record_digits = 24;

/// The original counted its rows; ours begin with a letter and came later.
bool is_older(const redcap::Row& a, const redcap::Row& b)
{
    const auto is_counted = [](const redcap::Row& row) {
        return row.record.find_first_not_of("0123456789") == std::string::npos;
    };
    if (is_counted(a) != is_counted(b)) {
        return is_counted(a);
    }
    return a.record.size() != b.record.size() ? a.record.size() < b.record.size()
                                              : a.record < b.record;
}

} // namespace

AutoIdRegister::AutoIdRegister(redcap::Client& autoid, const AutoIdKey& key, ProjectName project)
    : m_autoid{autoid}, m_key{key}, m_project{std::move(project)}
{
    read();
}

void AutoIdRegister::read()
{
    redcap::ExportSpec spec;
    spec.fields = {"autoid_project_name", "autoid_hash", "autoid_value"};
    spec.filter_logic = redcap::field_equals("autoid_project_name", m_project.str());
    auto rows = m_autoid.export_records(spec);
    // A server that ignores the filter must not lend this project another one's pseudonyms.
    std::erase_if(rows, [&](const redcap::Row& row) {
        return row.value("autoid_project_name") != m_project.str()
               || row.value("autoid_value").empty();
    });
    std::ranges::sort(rows, is_older);
    m_values.clear();
    m_given.clear();
    for (const auto& row : rows) {
        m_given.insert(row.value("autoid_value"));
        if (row.value("autoid_hash").empty()) {
            continue;
        }
        const auto [known, is_new] =
            m_values.emplace(row.value("autoid_hash"), row.value("autoid_value"));
        if (!is_new) {
            log::error("autoid_twice", {{"project", m_project}, {"record", row.record}});
        }
    }
}

std::optional<std::string> AutoIdRegister::find(const std::string& study_patient_id) const
{
    for (const auto& hash : {sha512_hex(study_patient_id), m_key.hash(study_patient_id)}) {
        if (const auto found = m_values.find(hash); found != m_values.end()) {
            return found->second;
        }
    }
    return std::nullopt;
}

void AutoIdRegister::add(const std::vector<Entry>& entries)
{
    if (entries.empty()) {
        return;
    }
    std::vector<redcap::Row> rows;
    rows.reserve(entries.size());
    for (const auto& entry : entries) {
        const auto hash = m_key.hash(entry.study_patient_id);
        auto& row = rows.emplace_back();
        row.record = record_id(m_project, hash);
        row.values = {{"autoid_project_name", m_project.str()},
                      {"autoid_hash", hash},
                      {"autoid_value", entry.value},
                      {"autoid_method", std::string{keyed_method}}};
    }
    m_autoid.import_records(rows, redcap::Overwrite::normal);
    read();
    for (const auto& entry : entries) {
        if (!find(entry.study_patient_id)) {
            throw Error{Fault::protocol, "project {}: AUTOID does not keep a new row", m_project};
        }
    }
}

std::string AutoIdRegister::record_id(const ProjectName& project, std::string_view hash)
{
    return "h" + sha256_hex(project.str() + '\0' + std::string{hash}).substr(0, record_digits);
}

bool has_keyed_rows(redcap::Client& autoid)
{
    redcap::ExportSpec spec;
    spec.fields = {"autoid_method"};
    const auto rows = autoid.export_records(spec);
    return std::ranges::any_of(
        rows, [](const redcap::Row& row) { return row.value("autoid_method") == keyed_method; });
}

} // namespace fiona::routing
