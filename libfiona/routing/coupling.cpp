// SPDX-License-Identifier: MIT
#include "libfiona/routing/coupling.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/text.h"

#include <set>

namespace fiona::routing {

namespace {

constexpr std::size_t record_digits = 24;

} // namespace

std::string CouplingRow::made_record_id() const
{
    const auto key = accession.reveal() + '\0' + study + '\0' + project;
    return "c" + sha256_hex(key).substr(0, record_digits);
}

std::optional<TimePoint> CouplingRow::created_at() const
{
    return parse_local_minute(created);
}

std::vector<CouplingRow> read_coupling(redcap::Client& coupling)
{
    redcap::ExportSpec spec; // not field by field: sites differ in whether they have the study UID
    std::vector<CouplingRow> rows;
    for (const auto& row : coupling.export_records(spec)) {
        const auto value = [&](std::string_view field) {
            return std::string{trimmed(row.value(field))};
        };
        CouplingRow coupled{.record = row.record,
                            .accession = Private{value("cl_accessionnumber")},
                            .study = value("cl_studyinstanceuid"),
                            .project = value("cl_projectname"),
                            .participant = value("cl_subjectid"),
                            .event = value("cl_eventname"),
                            .created = value("cl_date")};
        if (!coupled.project.empty()
            && (!coupled.study.empty() || !coupled.accession.reveal().empty())) {
            rows.push_back(std::move(coupled));
        }
    }
    return rows;
}

redcap::Row coupling_record(const CouplingRow& row)
{
    redcap::Row record;
    record.record = row.record;
    record.values = {{"cl_projectname", row.project},
                     {"cl_subjectid", row.participant},
                     {"cl_date", row.created}};
    const auto add = [&](const char* field, const std::string& value) {
        if (!value.empty()) { // a site without the study UID in its dictionary never has one
            record.values.emplace(field, value);
        }
    };
    add("cl_accessionnumber", row.accession.reveal());
    add("cl_studyinstanceuid", row.study);
    add("cl_eventname", row.event);
    return record;
}

CouplingIndex::CouplingIndex(std::vector<CouplingRow> rows) : m_rows{std::move(rows)}
{
    std::set<std::string> digests; // whatever the order of the export
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const auto& row = m_rows[i];
        if (!row.accession.reveal().empty()) {
            m_by_accession.emplace(row.accession.reveal(), i);
        }
        if (!row.study.empty()) {
            m_by_study.emplace(row.study, i);
        }
        digests.insert(sha256_hex(row.accession.reveal() + '\0' + row.study + '\0' + row.project
                                  + '\0' + row.participant + '\0' + row.event));
    }
    Sha256 all;
    for (const auto& digest : digests) {
        all.add(digest);
    }
    m_digest = to_hex(all.finish());
}

std::vector<const CouplingRow*> CouplingIndex::find(std::string_view study,
                                                    const Private<std::string>& accession) const
{
    std::set<std::size_t> places;
    const auto add = [&](const auto& index, std::string_view key) {
        const auto [begin, end] = index.equal_range(key);
        for (auto item = begin; item != end; ++item) {
            places.insert(item->second);
        }
    };
    add(m_by_study, study);
    if (const auto number = trimmed(accession.reveal()); !number.empty()) {
        add(m_by_accession, number);
    }
    std::vector<const CouplingRow*> rows;
    rows.reserve(places.size());
    for (const auto place : places) {
        rows.push_back(&m_rows[place]);
    }
    return rows;
}

} // namespace fiona::routing
