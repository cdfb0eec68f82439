// SPDX-License-Identifier: MIT
#include "libfiona/routing/transfer_requests.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <iterator>
#include <set>
#include <string>

namespace fiona::routing {

namespace {

constexpr std::chrono::seconds rest_of_a_minute{59};

std::optional<TimePoint> date_in(const std::string& text, std::string_view field)
{
    if (trimmed(text).empty()) {
        return std::nullopt;
    }
    const auto when = parse_local_minute(trimmed(text));
    if (!when) {
        throw Error{Fault::data, "{} is no date of the form YYYY-MM-DD HH:MM", field};
    }
    return when;
}

/// The studies whose absence was reported, so that a cleaned archive does not fill the log. Only a
/// memory: without it the absence is reported once more.
class MissingSources {
public:
    explicit MissingSources(std::filesystem::path file) : m_file{std::move(file)}
    {
        try {
            const auto text = read_file_if_any(m_file);
            const auto document =
                text ? json::parse(*text, m_file.native()) : json::Value{json::Array{}};
            for (const auto& item : document.array()) {
                m_before.insert(item.text());
            }
        } catch (const Error& e) {
            log::warn("cache_forgotten", {{"reason", e.what()}});
        }
    }

    void add(const redcap::Transfer& transfer)
    {
        auto key = fmt::format("{} {}", transfer.study, transfer.instance);
        if (!m_before.contains(key)) {
            log::warn("source_missing",
                      {{"study", transfer.study}, {"transfer", transfer.instance}});
        }
        m_now.insert(std::move(key));
    }

    void save() const
    {
        if (m_now == m_before) {
            return;
        }
        json::Array items;
        for (const auto& key : m_now) {
            items.emplace_back(key);
        }
        make_directories(m_file.parent_path());
        store::write_file(m_file, json::write(items));
    }

private:
    std::filesystem::path m_file;
    std::set<std::string> m_before;
    std::set<std::string> m_now;
};

class Run {
public:
    Run(redcap::Client& client, const Config& config, TimePoint now, Mode mode)
        : m_requests{config.paths}, m_tree{config.paths},
          m_missing{config.paths.state() / "transfer-requests-missing.json"},
          m_incoming{client, config.paths.state() / "locks"}, m_settle{config.timing.settle},
          m_now{now}, m_mode{mode}
    {
    }

    FilingReport report()
    {
        // Before REDCap is read: a request that is finished between the two looks has an old
        // transfer_date in what we read, and must not be filed again because of it.
        for (auto names : {m_requests.waiting(), m_requests.in_work(), m_requests.held()}) {
            m_pending.insert(std::make_move_iterator(names.begin()),
                             std::make_move_iterator(names.end()));
        }
        for (const auto& transfer : m_incoming.transfers()) {
            ++m_report.transfers;
            try {
                handle(transfer);
            } catch (const Error& e) {
                if (e.fault() != Fault::data) {
                    throw;
                }
                ++m_report.refused;
                log::warn("transfer_refused", {{"study", transfer.study},
                                               {"transfer", transfer.instance},
                                               {"reason", e.what()}});
            }
        }
        if (m_mode == Mode::apply) {
            m_missing.save();
        }
        return std::move(m_report);
    }

private:
    void handle(const redcap::Transfer& transfer)
    {
        auto state = state_of(transfer);
        if (state.newest) {
            state.seen = seen(transfer);
        }
        auto decision = decide(transfer, state, m_now, m_settle);
        if (decision == Decision::incomplete || decision == Decision::sent) {
            count(transfer, decision); // long done: whether we could still send it does not matter
            return;
        }
        auto request = request_of(transfer);
        const auto name = request.file_name();
        if (m_pending.contains(name)) {
            ++m_report.pending;
            return;
        }
        state.failed_at = m_requests.failed_at(name);
        decision = decide(transfer, state, m_now, m_settle);
        if (decision == Decision::first || decision == Decision::new_images
            || decision == Decision::requested_again) {
            file(std::move(request), decision);
        } else {
            count(transfer, decision);
        }
    }

    /// Nothing for a row that could not be requested any more.
    [[nodiscard]] std::optional<TimePoint> seen(const redcap::Transfer& transfer) const
    {
        try {
            return m_requests.seen(request_of(transfer).file_name());
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            return std::nullopt;
        }
    }

    void count(const redcap::Transfer& transfer, Decision decision)
    {
        switch (decision) {
        case Decision::incomplete: ++m_report.incomplete; return;
        case Decision::sent: ++m_report.sent; return;
        case Decision::arriving: ++m_report.arriving; return;
        case Decision::failed: ++m_report.failed; return;
        case Decision::source_missing:
            ++m_report.source_missing;
            m_missing.add(transfer);
            return;
        case Decision::first:
        case Decision::new_images:
        case Decision::requested_again: return;
        }
    }

    /// Every series JSON comes by rename, so the study directory is at least as young as the
    /// youngest: for the many studies that were sent long ago one stat(2) is enough.
    [[nodiscard]] StudyFacts state_of(const redcap::Transfer& transfer) const
    {
        struct stat status {};
        if (::stat(m_tree.study_directory(transfer.study).c_str(), &status) != 0
            || !S_ISDIR(status.st_mode)) {
            return {};
        }
        const auto sent = parse_local_minute(trimmed(transfer.transferred));
        const auto changed = Clock::from_time_t(status.st_mtim.tv_sec + 1);
        if (sent && changed <= *sent) {
            return {.on_disk = true, .newest = {}, .failed_at = {}, .seen = {}};
        }
        return {.on_disk = true,
                .newest = m_tree.newest_change(transfer.study),
                .failed_at = {},
                .seen = {}};
    }

    void file(store::TransferRequest request, Decision reason)
    {
        if (m_mode == Mode::apply && !m_requests.file(request)) {
            ++m_report.pending;
            return;
        }
        log::info(m_mode == Mode::apply ? "request_filed" : "request_would_be_filed",
                  {{"study", request.study},
                   {"project", request.project},
                   {"transfer", request.instance},
                   {"reason", decision_name(reason)}});
        m_report.filed.push_back({std::move(request), reason});
    }

    store::Requests m_requests;
    store::StudyTree m_tree;
    MissingSources m_missing;
    redcap::Incoming m_incoming;
    std::chrono::seconds m_settle;
    TimePoint m_now;
    Mode m_mode;
    std::set<std::string> m_pending;
    FilingReport m_report;
};

} // namespace

store::TransferRequest request_of(const redcap::Transfer& transfer)
{
    std::optional<EventName> event;
    if (!transfer.event.empty()) {
        event = EventName{transfer.event};
    }
    return {.study = transfer.study,
            .project = ProjectName{transfer.project},
            .participant = ParticipantId{transfer.participant},
            .event = std::move(event),
            .instance = transfer.instance,
            .requested = transfer.requested,
            .content = json::Object{{"redcap_repeat_instance", transfer.instance},
                                    {"redcap_repeat_instrument", "transfers"},
                                    {"study_instance_uid", transfer.study.str()},
                                    {"transfer_date", transfer.transferred},
                                    {"transfer_event_name", transfer.event},
                                    {"transfer_name", transfer.participant},
                                    {"transfer_project_name", transfer.project},
                                    {"transfer_requested_date", transfer.requested}}};
}

std::string_view decision_name(Decision decision)
{
    switch (decision) {
    case Decision::first: return "first";
    case Decision::new_images: return "new images";
    case Decision::requested_again: return "requested again";
    case Decision::incomplete: return "incomplete";
    case Decision::sent: return "sent";
    case Decision::arriving: return "arriving";
    case Decision::source_missing: return "source missing";
    case Decision::failed: break;
    }
    return "failed";
}

Decision decide(const redcap::Transfer& transfer, const StudyFacts& state, TimePoint now,
                std::chrono::seconds settle)
{
    if (transfer.project.empty() || transfer.participant.empty()) {
        return Decision::incomplete;
    }
    const auto sent = date_in(transfer.transferred, "transfer_date");
    auto requested = date_in(transfer.requested, "transfer_requested_date");
    if (requested > now) {
        requested.reset(); // its time comes: until then every transfer would look like an older one
    }
    const auto reason = !sent                             ? Decision::first
                        : requested && *requested > *sent ? Decision::requested_again
                                                          : Decision::new_images;
    if (reason == Decision::new_images
        && (!state.newest || *state.newest <= state.seen.value_or(*sent + rest_of_a_minute))) {
        return Decision::sent;
    }
    if (!state.on_disk) {
        return Decision::source_missing;
    }
    if (reason == Decision::new_images && is_younger(*state.newest, now, settle)) {
        return Decision::arriving;
    }
    const auto known = state.seen ? state.seen : state.failed_at;
    const bool changed_since =
        (state.newest && *state.newest > known) || (requested && *requested > state.failed_at);
    return state.failed_at && !changed_since ? Decision::failed : reason;
}

FilingReport file_transfer_requests(redcap::Client& client, const Config& config, TimePoint now,
                                    Mode mode)
{
    return Run{client, config, now, mode}.report();
}

} // namespace fiona::routing
