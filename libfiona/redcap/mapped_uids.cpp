// SPDX-License-Identifier: MIT
#include "libfiona/redcap/mapped_uids.h"

#include "libfiona/base/text.h"

namespace fiona::redcap {

namespace {

constexpr std::string_view original_root = "1.3.6.1.4.1.45037.";
constexpr std::size_t uid_length = 63; // of the original's UIDs

} // namespace

MappedUids::MappedUids(const std::vector<Row>& rows)
{
    for (const auto& row : rows) {
        const auto mapped = row.value("transfer_mapped_uid");
        for (const auto part : split(mapped, ',')) {
            if (const auto uid = trimmed(part); !uid.empty()) {
                m_transfers.try_emplace(std::string{uid},
                                        Transfer{row.record, row.value("transfer_project_name"),
                                                 row.value("transfer_event_name")});
            }
        }
    }
}

const std::vector<std::string>& MappedUids::fields()
{
    static const std::vector<std::string> names{"study_instance_uid", "transfer_mapped_uid",
                                                "transfer_project_name", "transfer_event_name"};
    return names;
}

MappedUids MappedUids::read(Client& incoming)
{
    ExportSpec spec;
    spec.fields = fields();
    return MappedUids{incoming.export_records(spec)};
}

const MappedUids::Transfer* MappedUids::find(const StudyUid& new_study) const
{
    auto found = m_transfers.find(new_study.str());
    if (found == m_transfers.end()) {
        found =
            m_transfers.find((std::string{original_root} + new_study.str()).substr(0, uid_length));
    }
    return found == m_transfers.end() ? nullptr : &found->second;
}

} // namespace fiona::redcap
