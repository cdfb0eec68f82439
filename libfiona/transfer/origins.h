// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/base/config.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/mapped_uids.h"
#include "libfiona/transfer/homecoming.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace fiona::transfer {

/// The study that a de-identified one comes from.
struct Home {
    anonymize::Origin origin;
    std::string event; ///< of its transfer, as REDCap has it
};

/// Finds it: by the mapping that was kept when it was sent, else by `transfer_mapped_uid` of INCOMING
/// and the UIDs of the original study computed anew in each of the three schemes. INCOMING is read once, and only if
/// there is a study that may be a de-identified one.
class Origins {
public:
    Origins(const Config& config, std::function<std::shared_ptr<redcap::Client>()> connect);

    /// Nothing if `study` is no de-identified one. Throws Error{Fault::data} if its UIDs cannot be told.
    [[nodiscard]] std::optional<Home> find(const StudyUid& study);
    /// Throws Error{Fault::data} if INCOMING does not know the original study.
    [[nodiscard]] HomeFacts facts(const Home& home);

private:
    struct Record {
        std::string accession_number;
        std::string study_date;
    };
    void read_incoming();
    [[nodiscard]] anonymize::Origin recompute(const StudyUid& study,
                                              const redcap::MappedUids::Transfer& sent) const;

    const Config& m_config;
    std::function<std::shared_ptr<redcap::Client>()> m_connect;
    anonymize::KeptMappings m_kept;
    bool m_is_read = false;
    std::map<std::string, Record> m_records; ///< by original study
    redcap::MappedUids m_sent;
};

} // namespace fiona::transfer
