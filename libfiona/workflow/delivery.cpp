// SPDX-License-Identifier: MIT
#include "libfiona/workflow/delivery.h"

#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/jobs/ror_folder.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace fiona::workflow {

namespace {

/// Tells peers apart; the research PACS is the one without a name.
std::string key_of(const std::optional<jobs::Destination>& destination)
{
    return destination
               ? fmt::format("{}@{}:{}", destination->aet, destination->host, destination->port)
               : "";
}

pacs::Peer peer_of(const jobs::Destination& destination)
{
    return {.host = destination.host,
            .port = destination.port,
            .called_aet = destination.aet,
            .calling_aet = destination.calling_aet,
            .timeout = destination.timeout,
            .tls = destination.tls};
}

std::string unique_event(const std::vector<redcap::Event>& events, const std::string& name)
{
    if (name.empty()) {
        return events.empty() ? "" : events.front().unique_name;
    }
    const auto found = std::ranges::find_if(events, [&](const redcap::Event& event) {
        return event.label == name || event.unique_name == name;
    });
    if (found == events.end()) {
        throw Error{Fault::data, "output.json names an event that the project does not have"};
    }
    return found->unique_name;
}

} // namespace

std::vector<redcap::Row> rows_of(const std::vector<jobs::OutputValue>& values,
                                 const std::vector<redcap::Event>& events)
{
    std::map<std::tuple<std::string, std::string, std::string, unsigned>, redcap::Row> rows;
    for (const auto& value : values) {
        const auto event = unique_event(events, value.event);
        auto& row =
            rows[std::tuple{value.record.reveal(), event, value.instrument, value.instance}];
        row.record = value.record.reveal();
        row.event = event;
        row.instrument = value.instrument;
        row.instance = value.instance;
        row.values.insert_or_assign(value.field, value.value);
    }
    std::vector<redcap::Row> result;
    result.reserve(rows.size());
    for (auto& [key, row] : rows) {
        result.push_back(std::move(row));
    }
    return result;
}

Delivery::Delivery(Peers peers, const jobs::JobRecords& records, const std::filesystem::path& keys)
    : m_peers{std::move(peers)}, m_records{records},
      m_deidentified{
          keys, [incoming = m_peers.incoming] { return redcap::MappedUids::read(*incoming()); }}
{
}

std::optional<Error> Delivery::deliver(jobs::JobRecord& record, const ProjectName& project,
                                       const jobs::InputFacts& input, const jobs::Output& output,
                                       const std::optional<jobs::Destination>& destination)
{
    if (!output.images.empty() || !output.values.empty()) {
        try {
            require_deidentified(record, input);
        } catch (const Error& e) {
            if (e.fault() == Fault::data) {
                throw;
            }
            return e;
        }
    }
    auto& pacs_problem = m_pacs_problems[key_of(destination)];
    std::optional<Error> later; // of this job, or of its project
    std::optional<Error> refused;
    const auto note = [&](const Error& e) {
        (e.fault() == Fault::data ? refused : later).emplace(e);
    };
    if (!record.is_sent && (output.images.empty() || !pacs_problem)) {
        try {
            if (const auto problem = send(record, output, destination)) {
                note(*problem);
            }
        } catch (const Error& e) {
            (e.fault() == Fault::data ? refused : pacs_problem).emplace(e);
        }
    }
    if (!record.is_recorded && (output.values.empty() || !m_redcap_problem)) {
        try {
            record_values(record, project, output);
        } catch (const Error& e) {
            if (redcap::may_have_happened(e)) {
                m_redcap_problem.emplace(e);
            } else {
                note(e);
            }
        }
    }
    // What may go later comes first: a job that failed is never looked at again.
    if (!record.is_sent && pacs_problem) {
        return pacs_problem;
    }
    if (!record.is_recorded && m_redcap_problem) {
        return m_redcap_problem;
    }
    if (later) {
        return later;
    }
    if (refused) {
        throw Error{*refused};
    }
    return std::nullopt;
}

/// What images say of themselves counts for nothing: they may be a stranger's.
void Delivery::require_deidentified(const jobs::JobRecord& record, const jobs::InputFacts& input)
{
    const auto& fetched = record.fetched_studies;
    for (const auto& [study, participant] : input.participants) {
        if (std::ranges::find(fetched, study) == fetched.end()
            && !m_deidentified.knows(StudyUid{study})) {
            throw Error{Fault::data,
                        "the input is not de-identified, for its study is no result of "
                        "a transfer: its results stay where they are"};
        }
    }
}

std::optional<Error> Delivery::send(jobs::JobRecord& record, const jobs::Output& output,
                                    const std::optional<jobs::Destination>& destination)
{
    constexpr std::size_t note_interval = 100;
    auto sent = m_records.sent(record.id);
    const std::set<std::string> known{sent.begin(), sent.end()};
    std::vector<std::filesystem::path> files;
    std::map<std::filesystem::path, std::string> uids;
    for (std::size_t i = 0; i < output.images.size(); ++i) {
        if (!known.contains(output.instances[i])) {
            files.push_back(output.images[i]);
            uids.emplace(output.images[i], output.instances[i]);
        }
    }
    std::optional<Error> problem;
    if (!files.empty()) {
        const auto on_result = [&](const pacs::SendResult& result) {
            if (result.outcome == pacs::SendOutcome::stored
                || result.outcome == pacs::SendOutcome::warning) {
                sent.push_back(uids.at(result.file));
                if (sent.size() % note_interval == 0) {
                    m_records.store_sent(record.id, sent);
                }
            } else {
                const auto fault = pacs::may_succeed_later(result) ? Fault::temporary : Fault::data;
                // One that may go later comes first: the job is not failed while images are unsent.
                if (!problem || (fault == Fault::temporary && problem->fault() == Fault::data)) {
                    problem =
                        Error{fault, "{} did not take an image: {}",
                              destination ? destination->aet : "the research PACS", result.reason};
                }
            }
        };
        static_cast<void>(pacs::send_files(
            destination ? peer_of(*destination) : m_peers.research_pacs(), files, on_result));
        m_records.store_sent(record.id, sent);
    }
    record.images = sent.size();
    record.is_sent = !problem.has_value();
    m_records.store(record);
    if (!problem && !sent.empty()) {
        json::Array list;
        for (const auto& uid : sent) {
            list.emplace_back(uid);
        }
        store::write_file(jobs::output_of(record.folder) / "sent.json",
                          json::write(json::Object{{"sent", std::move(list)}}));
    }
    return problem;
}

void Delivery::record_values(jobs::JobRecord& record, const ProjectName& project,
                             const jobs::Output& output)
{
    if (!output.values.empty()) {
        const auto client = m_peers.project(project);
        client->import_records(rows_of(output.values, client->events()), redcap::Overwrite::normal);
    }
    record.values = output.values.size();
    record.is_recorded = true;
    m_records.store(record);
}

} // namespace fiona::workflow
