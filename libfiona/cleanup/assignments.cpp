// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/assignments.h"

#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/redcap/outbox.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/study_tree.h"

#include <algorithm>
#include <filesystem>

namespace fiona::cleanup {

namespace {

/// Whether series of a study that was sent were held back, by transfer_error_message. What cannot be
/// read may say so.
bool may_have_held_series(const std::string& message)
{
    if (message.empty()) {
        return false;
    }
    try {
        const auto document = json::parse(message, "transfer_error_message");
        const auto* const held = document.find("held");
        return held != nullptr && (!held->is_array() || !held->array().empty());
    } catch (const Error&) {
        return true;
    }
}

} // namespace

Assignments::Assignments(redcap::Client& incoming, const Config& config, TimePoint now,
                         std::optional<std::chrono::hours> sent_age)
    : m_incoming{incoming, config.paths.state() / "locks"}, m_config{config}, m_now{now},
      m_sent_age{sent_age}
{
}

void Assignments::load(const std::vector<StudyUid>& studies)
{
    read_planned();
    for (auto& transfer : m_incoming.transfers()) {
        m_transfers.emplace(transfer.study, std::move(transfer));
    }
    for (auto& [study, series] : m_incoming.recorded_series(studies)) {
        m_series[study].insert(series.begin(), series.end());
    }
}

void Assignments::confirm(const std::vector<StudyUid>& studies)
{
    if (studies.empty()) { // no records in a request means all of them
        return;
    }
    read_planned();
    auto now = m_incoming.transfers(studies, redcap::ExportSpec::Source::server);
    for (const auto& study : studies) {
        m_transfers.erase(study);
    }
    for (auto& transfer : now) {
        m_transfers.emplace(transfer.study, std::move(transfer));
    }
}

/// A tool that was killed while it wrote an assignment has left it in the journal.
void Assignments::read_planned()
{
    m_planned.clear();
    if (!std::filesystem::exists(m_config.paths.state() / "redcap-outbox.sqlite")) {
        return;
    }
    redcap::Outbox outbox{m_config.paths.state(), redcap::Role::incoming};
    for (auto& instance : outbox.planned()) {
        m_planned.insert(std::move(instance.record));
    }
}

bool Assignments::is_long_sent(const redcap::Transfer& transfer) const
{
    const auto sent = parse_local_minute(transfer.transferred);
    if (!m_sent_age || !sent || m_now - *sent < *m_sent_age || transfer.deidentify_error
        || transfer.send_error || may_have_held_series(transfer.error_message)) {
        return false;
    }
    try {
        const store::Requests requests{m_config.paths};
        const auto name = routing::request_of(transfer).file_name();
        const routing::StudyFacts state{
            .on_disk = true,
            .newest = store::StudyTree{m_config.paths}.newest_change(transfer.study),
            .failed_at = {},
            .seen = requests.seen(name)};
        return routing::decide(transfer, state, m_now, m_config.timing.settle)
               == routing::Decision::sent;
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return false; // a row that nobody understands
    }
}

std::optional<Hold> Assignments::hold(const StudyUid& study,
                                      const std::set<SeriesUid>& series) const
{
    if (m_planned.contains(study.str())) {
        return Hold::being_assigned;
    }
    const auto [first, last] = m_transfers.equal_range(study);
    const bool is_assigned = std::any_of(first, last, [&](const auto& item) {
        const auto& transfer = item.second;
        const bool is_taken_back = transfer.project.empty() && transfer.participant.empty();
        return !is_taken_back && !is_long_sent(transfer);
    });
    if (is_assigned) {
        return Hold::assigned;
    }
    const auto recorded = m_series.find(study);
    return recorded == m_series.end() || series.empty()
                   || !std::ranges::includes(recorded->second, series)
               ? std::optional{Hold::not_recorded}
               : std::nullopt;
}

} // namespace fiona::cleanup
