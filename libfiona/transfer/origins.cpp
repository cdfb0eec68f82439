// SPDX-License-Identifier: MIT
#include "libfiona/transfer/origins.h"

#include "libfiona/anonymize/settings.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/study_tree.h"

#include <algorithm>
#include <span>
#include <utility>

namespace fiona::transfer {

namespace {

using anonymize::UidForm;
using anonymize::UidScheme;

constexpr std::string_view original_root = "1.3.6.1.4.1.45037.";
constexpr std::string_view uuid_root = "2.25.";

bool may_be_new(std::string_view uid)
{
    return uid.starts_with(original_root) || uid.starts_with(uuid_root);
}

/// REDCap keeps dates as `YYYY-MM-DD` or as they came.
std::string as_da(std::string text)
{
    std::erase(text, '-');
    return text;
}

std::vector<std::byte> bytes_of(const std::string& text)
{
    const auto bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

} // namespace

Origins::Origins(const Config& config, std::function<std::shared_ptr<redcap::Client>()> connect)
    : m_config{config}, m_connect{std::move(connect)}, m_kept{config.paths.keys()}
{
}

void Origins::read_incoming()
{
    if (std::exchange(m_is_read, true)) {
        return;
    }
    redcap::ExportSpec spec;
    spec.fields = redcap::MappedUids::fields();
    spec.fields.insert(spec.fields.end(), {"study_accession_number", "study_date"});
    const auto rows = m_connect()->export_records(spec);
    for (const auto& row : rows) {
        if (row.instrument.empty()) {
            m_records[row.record] = {row.value("study_accession_number"),
                                     as_da(row.value("study_date"))};
        }
    }
    m_sent = redcap::MappedUids{rows};
}

std::optional<Home> Origins::find(const StudyUid& study)
{
    auto kept = m_kept.find(study);
    if (!kept && !may_be_new(study.str())) {
        return std::nullopt;
    }
    read_incoming();
    const auto* const sent = m_sent.find(study);
    if (kept) {
        return Home{std::move(*kept), sent == nullptr ? "" : sent->event};
    }
    if (sent == nullptr) {
        return std::nullopt; // some other study with such a UID
    }
    return Home{recompute(study, *sent), sent->event};
}

anonymize::Origin Origins::recompute(const StudyUid& study,
                                     const redcap::MappedUids::Transfer& sent) const
{
    const StudyUid original{sent.study};
    anonymize::Origin origin{sent.project, original, {{study.str(), original.str()}}};
    const store::StudyTree tree{m_config.paths};
    std::vector<std::string> uids;
    for (const auto& series : tree.series(original)) {
        uids.push_back(series.uid.str());
        for (const auto& object : tree.instances(original, series.uid)) {
            uids.push_back(object.filename().native());
        }
    }
    const anonymize::ProjectFiles files{m_config.deidentify.projects, m_config.paths.keys()};
    const auto key = files.keys / (percent_encoded(sent.project) + ".key");
    const auto secret = read_file_if_any(key);
    for (const auto scheme : {UidScheme::hmac, UidScheme::compat_dec, UidScheme::compat_hex}) {
        if (scheme == UidScheme::hmac && !secret) {
            continue;
        }
        anonymize::UidMap map{scheme, sent.project, bytes_of(secret.value_or(""))};
        if (map.map(original.str(), UidForm::study) != study.str()) {
            continue; // it was made in another scheme
        }
        for (const auto& uid : uids) {
            origin.originals.emplace(map.map(uid, UidForm::instance), uid);
        }
        return origin;
    }
    return origin; // by REDCap's word alone: what refers to nothing still goes home
}

HomeFacts Origins::facts(const Home& home)
{
    read_incoming();
    const auto found = m_records.find(home.origin.study.str());
    if (found == m_records.end()) {
        throw Error{Fault::data, "REDCap's INCOMING does not know the study it comes from"};
    }
    return {Private{found->second.accession_number}, Private{found->second.study_date}};
}

} // namespace fiona::transfer
