// SPDX-License-Identifier: MIT
#include "libfiona/status/queue_commands.h"

#include "libfiona/base/log.h"
#include "libfiona/routing/assign_audit.h"
#include "libfiona/routing/request_again.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/status/summary.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace fiona::status {

namespace {

using Change = store::Requests::Change;
constexpr std::array<std::string_view, 4> audit_names{"queue-hold", "queue-release", "queue-retry",
                                                      "queue-drop"};

class Desk {
public:
    Desk(const Config& config, QueueAction action, const OpenIncoming& open, TimePoint now,
         Mode mode)
        : m_paths{config.paths}, m_requests{config.paths}, m_audit{config.paths.logs()
                                                                   / "assign-audit.log"},
          m_action{action}, m_open{open}, m_now{now}, m_mode{mode}
    {
    }

    QueueReport handle(const std::vector<std::string>& words)
    {
        const auto all = queued_requests(m_paths);
        for (const auto& word : words) {
            const auto meant = matching(all, word);
            if (meant.empty()) {
                // It may be anything: an accession number that somebody pasted.
                refuse(word.starts_with('#') ? word : log::uid_tag(word),
                       Error{Fault::missing, "no request here has this name, study or tag"});
            }
            for (const auto& request : meant) {
                handle(request);
            }
        }
        return std::move(m_report);
    }

private:
    void handle(const QueuedRequest& request)
    {
        try {
            // Looked at first, so that what changes nothing leaves no line in the audit.
            auto outcome = act(request, Mode::dry_run);
            if (!outcome.empty() && m_mode == Mode::apply) {
                record(request);
                outcome = act(request, Mode::apply);
                log::info("request_changed_by_hand",
                          {{"request", request.reference()}, {"outcome", outcome}});
            }
            m_report.items.push_back(
                {request.reference(), outcome.empty() ? "unchanged" : outcome, {}});
        } catch (const Error& e) {
            refuse(request.reference(), e);
        }
    }

    void refuse(std::string reference, const Error& problem)
    {
        m_report.items.push_back(
            {std::move(reference), "refused", log::without_uids(problem.what())});
        if (!m_report.problem) {
            m_report.problem = problem;
        }
    }

    void record(const QueuedRequest& request) const
    {
        const auto content = content_of(request);
        m_audit.append({audit_names.at(static_cast<std::size_t>(m_action)), content.study,
                        content.project, content.participant},
                       m_now);
    }

    /// What became of it; "" if nothing had to be done.
    std::string act(const QueuedRequest& request, Mode mode)
    {
        const auto said = [](Change change, std::string_view word) {
            return change == Change::made ? std::string{word} : std::string{};
        };
        switch (m_action) {
        case QueueAction::hold: return said(m_requests.hold(request.name, mode), "held");
        case QueueAction::release: return said(m_requests.release(request.name, mode), "released");
        case QueueAction::drop:
            return said(m_requests.drop(request.name, "dropped by an operator", m_now, mode),
                        "dropped");
        case QueueAction::retry: break;
        }
        if (request.state == RequestState::held) {
            throw Error{Fault::data, "it is held: release it"};
        }
        if (request.state == RequestState::failed || request.state == RequestState::dropped) {
            return ask_again(request, mode);
        }
        if (request.state == RequestState::waiting || request.state == RequestState::postponed) {
            return said(m_requests.try_now(request.name, mode), "due now");
        }
        return {}; // somebody is at it
    }

    std::string ask_again(const QueuedRequest& request, Mode mode)
    {
        const auto content = content_of(request);
        if (!m_client) {
            m_client = m_open();
        }
        auto rows =
            redcap::Incoming{*m_client, m_paths.state() / "locks"}.transfers({content.study});
        std::erase_if(rows, [&](const redcap::Transfer& row) {
            return row.instance != content.instance || row.project != content.project.str()
                   || row.participant != content.participant.str();
        });
        if (rows.empty()) {
            throw Error{Fault::data,
                        "INCOMING asks for this transfer no more: assign the study, or drop it"};
        }
        for (const auto& asked : routing::request_again(*m_client, m_paths, rows, m_now, mode)) {
            using Result = redcap::Incoming::Requested::Result;
            if (asked.result == Result::conflict || asked.result == Result::refused) {
                throw Error{Fault::data, "REDCap: {}", asked.reason};
            }
            if (asked.result == Result::created) {
                return "asked again";
            }
        }
        return {};
    }

    const Paths& m_paths;
    store::Requests m_requests;
    routing::AuditLog m_audit;
    QueueAction m_action;
    const OpenIncoming& m_open;
    TimePoint m_now;
    Mode m_mode;
    std::unique_ptr<redcap::Client> m_client;
    QueueReport m_report;
};

struct Known {
    std::string project = "?";
    std::string participant = "?";
};

Known known_of(const QueuedRequest& request)
{
    try {
        const auto content = content_of(request);
        return {content.project.str(), content.participant.str()};
    } catch (const Error&) { // it moved on, or is no request: then only its name is known
        return {};
    }
}

} // namespace

QueueReport act_on_queue(const Config& config, const QueueOrder& order, const OpenIncoming& open,
                         TimePoint now)
{
    return Desk{config, order.action, open, now, order.mode}.handle(order.words);
}

std::vector<std::vector<std::string>> as_rows(const std::vector<QueuedRequest>& requests,
                                              TimePoint now)
{
    std::vector<std::vector<std::string>> rows{
        {"STATE", "AGE", "PROJECT", "PARTICIPANT", "TRIES", "REQUEST", "REASON"}};
    for (const auto& request : requests) {
        const auto known = known_of(request);
        rows.push_back({std::string{name_of(request.state)}, age_text(now - request.since),
                        known.project, known.participant, std::to_string(request.attempts),
                        request.reference(), request.reason});
    }
    return rows;
}

json::Value as_json(const std::vector<QueuedRequest>& requests)
{
    json::Array array;
    for (const auto& request : requests) {
        const auto known = known_of(request);
        array.push_back(
            json::Object{{"request", request.reference()},
                         {"state", name_of(request.state)},
                         {"since", iso8601_utc(request.since)},
                         {"project", known.project},
                         {"participant", known.participant},
                         {"attempts", request.attempts},
                         {"next_try", request.next_try ? json::Value{iso8601_utc(*request.next_try)}
                                                       : json::Value{}},
                         {"reason", request.reason}});
    }
    return array;
}

json::Value as_json(const QueueReport& report)
{
    json::Array items;
    for (const auto& item : report.items) {
        items.push_back(json::Object{
            {"request", item.reference}, {"outcome", item.outcome}, {"reason", item.reason}});
    }
    return items;
}

} // namespace fiona::status
