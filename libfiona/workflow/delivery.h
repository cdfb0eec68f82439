// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/deidentified_studies.h"
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/jobs/job_record.h"
#include "libfiona/jobs/job_settings.h"
#include "libfiona/jobs/output_check.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/redcap/client.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace fiona::workflow {

/// Asked for only when something is to be fetched or delivered.
struct Peers {
    std::function<pacs::Peer()> research_pacs;
    /// Where the PACS answers queries, and gives out series that are not on this machine.
    std::function<pacs::Peer()> archive;
    /// REDCap's project of a research project.
    std::function<std::shared_ptr<redcap::Client>(const ProjectName&)> project;
    std::function<std::shared_ptr<redcap::Client>()> incoming;
};

/// Brings the checked results of a job to the research PACS and to REDCap, and notes in the record what
/// has arrived. An image that was taken is not sent again; a value that is written again is the same
/// value. Each of the two is tried whatever becomes of the other.
class Delivery {
public:
    /// `keys`: the directory of the keys, where mappings are kept.
    Delivery(Peers peers, const jobs::JobRecords& records, const std::filesystem::path& keys);

    /// Images go to `destination`, or to the research PACS if the job names none.
    /// Throws Error{Fault::data} if the PACS or REDCap refuses the results for good, or there is
    /// something to deliver of a study that neither this site has de-identified nor the research PACS
    /// has given. Other faults pass: they come back as the result. A peer that is away is not tried again by
    /// this object; what is wrong with one job's results, or with its project, keeps no other job back.
    [[nodiscard]] std::optional<Error>
    deliver(jobs::JobRecord& record, const ProjectName& project, const jobs::InputFacts& input,
            const jobs::Output& output,
            const std::optional<jobs::Destination>& destination = std::nullopt);

private:
    void require_deidentified(const jobs::JobRecord& record, const jobs::InputFacts& input);
    /// Returns why the PACS has not taken an image; throws what is wrong with the PACS.
    [[nodiscard]] std::optional<Error> send(jobs::JobRecord& record, const jobs::Output& output,
                                            const std::optional<jobs::Destination>& destination);
    void record_values(jobs::JobRecord& record, const ProjectName& project,
                       const jobs::Output& output);

    Peers m_peers;
    const jobs::JobRecords& m_records;
    std::map<std::string, std::optional<Error>> m_pacs_problems; ///< by peer
    std::optional<Error> m_redcap_problem;
    anonymize::DeidentifiedStudies m_deidentified;
};

/// Rows for REDCap's import, one for each record, event and instance. `events` are those of the project.
/// Throws Error{Fault::data} for an event that it does not have.
[[nodiscard]] std::vector<redcap::Row> rows_of(const std::vector<jobs::OutputValue>& values,
                                               const std::vector<redcap::Event>& events);

} // namespace fiona::workflow
