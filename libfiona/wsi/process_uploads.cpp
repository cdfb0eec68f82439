// SPDX-License-Identifier: MIT
#include "libfiona/wsi/process_uploads.h"

#include "libfiona/base/log.h"
#include "libfiona/wsi/slide_passage.h"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>
#include <utility>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

/// Which of two problems the exit code should tell: the one that a person has to mend.
bool is_graver(Fault left, Fault right)
{
    constexpr std::array<Fault, 10> order{
        Fault::internal, Fault::config,   Fault::permission,  Fault::io,   Fault::usage,
        Fault::missing,  Fault::protocol, Fault::unreachable, Fault::data, Fault::temporary};
    return std::ranges::find(order, left) < std::ranges::find(order, right);
}

Error error_of(const std::exception& problem)
{
    if (const auto* const known = dynamic_cast<const Error*>(&problem)) {
        return *known;
    }
    if (const auto* const system = dynamic_cast<const fs::filesystem_error*>(&problem)) {
        return os_error(system->code().value(), "work on a slide"); // its text has paths
    }
    return Error{Fault::internal, "an unexpected exception"}; // its text may hold what it worked on
}

UploadItem item_of(const Ticket& ticket, std::string_view state)
{
    UploadItem item;
    item.id = ticket.id;
    item.state = state;
    return item;
}

/// A name that no project has accepted may be a patient's.
void name(UploadItem& item, const Upload& upload, const UploadState& state)
{
    if (state.is_accepted) {
        item.project = upload.project.str();
        item.participant = upload.participant.str();
    }
}

class Run {
public:
    Run(const Config& config, const UploadOrder& order)
        : m_config{config}, m_order{order}, m_settings{read_pathology_settings(config)},
          m_folder{config.paths}, m_states{config.paths}, m_redcaps{config.redcap, order.mode,
                                                                    redcap::Freshness::usual},
          m_reporter{config, m_redcaps}
    {
    }

    UploadReport apply()
    {
        if (!m_folder.is_used() && m_order.only.empty()) {
            return {};
        }
        m_folder.make();
        // First the states, then the uploads: one that comes meanwhile is not taken for gone.
        const auto states = m_states.ids();
        const auto failed = m_folder.failed();
        const auto tickets = m_folder.tickets();
        sweep(states, failed, tickets);
        for (const auto& ticket : wanted(tickets)) {
            if (m_order.max && m_worked >= *m_order.max) {
                break;
            }
            handle(ticket);
        }
        return std::move(m_report);
    }

    UploadReport plan()
    {
        for (const auto& ticket : wanted(m_folder.tickets())) {
            auto item = item_of(ticket, "planned");
            try {
                const auto upload = parse(ticket);
                name(item, upload, m_states.load(ticket.id));
                preview(upload, item);
            } catch (const std::exception& e) {
                item.state = "failed";
                item.reason = log::without_uids(error_of(e).what());
            }
            m_report.items.push_back(std::move(item));
        }
        return std::move(m_report);
    }

private:
    void preview(const Upload& upload, UploadItem& item) const
    {
        const auto arrival = look_for_image(m_folder, upload, m_settings, Clock::now());
        if (!arrival.missing.empty()) {
            item.state = "waiting";
            item.reason = arrival.missing;
            return;
        }
        item.mode = delivery_of(upload, m_order.delivery);
        item.bytes = arrival.identity->bytes;
        const auto slide = Slide::open(fmt::format("/proc/self/fd/{}", arrival.image.get()));
        item.levels = slide.levels().size();
    }

    static Upload parse(const Ticket& ticket)
    {
        if (!ticket.damage.empty()) {
            throw Error{Fault::data, "{}", ticket.damage};
        }
        return parse_upload(ticket.text);
    }

    std::vector<Ticket> wanted(std::vector<Ticket> tickets)
    {
        if (m_order.only.empty()) {
            return tickets;
        }
        std::vector<Ticket> found;
        for (const auto& file : m_order.only) {
            auto ticket = m_folder.find(file);
            if (ticket) {
                found.push_back(*std::move(ticket));
            } else {
                note(Error{Fault::missing, "one of the named files is no upload that waits"});
            }
        }
        return found;
    }

    /// What belongs to no upload any more.
    void sweep(const std::vector<std::string>& states, const std::vector<Ticket>& failed,
               const std::vector<Ticket>& tickets) const
    {
        std::set<std::string> living;
        for (const auto& ticket : tickets) {
            living.insert(ticket.id);
        }
        SlideClaim::sweep(m_config.paths, living);
        m_folder.sweep(Clock::now());
        for (const auto& set_aside : {failed, m_folder.failed()}) { // moved either way meanwhile
            for (const auto& ticket : set_aside) {
                living.insert(ticket.id);
            }
        }
        for (const auto& id : states) {
            if (!living.contains(id) && SlideClaim::take(m_config.paths, id)) {
                m_states.remove(id);
            }
        }
    }

    void note(const Error& problem)
    {
        if (!m_report.problem || is_graver(problem.fault(), m_report.problem->fault())) {
            m_report.problem = problem;
        }
    }

    void leave(UploadItem item, std::string_view state, std::string reason)
    {
        item.state = state;
        item.reason = std::move(reason);
        m_report.items.push_back(std::move(item));
    }

    void handle(const Ticket& ticket)
    {
        auto item = item_of(ticket, "done");
        const auto claim = SlideClaim::take(m_config.paths, ticket.id);
        if (!claim) {
            leave(std::move(item), "busy", "another run is at it");
            return;
        }
        if (!m_folder.is_there(ticket)) {
            return; // another run has ended it since we looked
        }
        auto state = m_states.load(ticket.id);
        const auto now = Clock::now();
        if (m_order.only.empty() && is_awaited(state.not_before, now, m_settings.longest_wait)) {
            leave(std::move(item), "postponed", state.last_error);
            return;
        }
        bool is_read = false;
        try {
            const auto upload = parse(ticket);
            is_read = true;
            name(item, upload, state);
            const auto arrival = look_for_image(m_folder, upload, m_settings, now);
            if (!arrival.missing.empty() && state.stage != Stage::finished) {
                leave(std::move(item), "waiting", arrival.missing);
                return;
            }
            ++m_worked;
            const Passages means{m_config, m_settings, m_folder, m_states, m_reporter, m_order};
            SlidePassage{means, ticket, upload, *claim, state}.go(arrival, item);
            const std::chrono::duration<double> took = Clock::now() - now;
            item.seconds = took.count();
            m_report.items.push_back(std::move(item));
        } catch (const std::exception& e) {
            item.mode = state.mode;
            if (!is_read && is_younger(ticket.modified, Clock::now(), m_settings.quiet)) {
                leave(std::move(item), "waiting", "the upload's JSON may still be written");
            } else {
                fail(ticket, *claim, state, error_of(e), std::move(item));
            }
        }
    }

    void fail(const Ticket& ticket, const SlideClaim& claim, UploadState& state,
              const Error& problem, UploadItem item)
    {
        const auto reason = log::without_uids(problem.what());
        state.last_error = reason;
        const bool counts =
            state.stage < Stage::delivered
            && (problem.fault() == Fault::protocol || problem.fault() == Fault::internal);
        state.attempts += counts ? 1U : 0U;
        const bool is_hopeless = problem.fault() == Fault::data || problem.fault() == Fault::usage
                                 || state.attempts >= m_settings.attempts;
        try {
            is_hopeless ? give_up(ticket, claim, state, reason) : postpone(ticket, claim, state);
        } catch (const std::exception& e) { // a full disk: the next run sees the upload as it is
            log::error("upload_state_not_saved",
                       {{"upload", ticket.id}, {"reason", error_of(e).what()}});
            note(error_of(e));
        }
        log::warn(is_hopeless ? "upload_failed" : "upload_postponed",
                  {{"upload", ticket.id},
                   {"project", item.project},
                   {"stage", to_string(state.stage)},
                   {"failures", state.postponed},
                   {"reason", reason}});
        note(problem.in(fmt::format("upload {}", ticket.id)));
        leave(std::move(item), is_hopeless ? "failed" : "postponed", reason);
    }

    void tell(const Ticket& ticket, std::string_view word, const std::string& reason) const
    {
        m_folder.tell(ticket, {{"state", word},
                               {"percent", 0},
                               {"error", reason},
                               {"updated", iso8601_utc(Clock::now())}});
    }

    /// The state stays: somebody may mend the cause and move the JSON back.
    void give_up(const Ticket& ticket, const SlideClaim& claim, UploadState& state,
                 const std::string& reason) const
    {
        m_order.keeps_work ? claim.keep() : claim.remove();
        tell(ticket, "failed", reason);
        state.attempts = 0;
        state.postponed = 0;
        state.not_before = {};
        m_states.save(ticket.id, state);
        m_folder.fail(ticket, reason);
    }

    void postpone(const Ticket& ticket, const SlideClaim& claim, UploadState& state) const
    {
        constexpr unsigned most_doublings = 16;
        claim.drop_unfinished();
        const auto wait = m_settings.first_wait * (1U << std::min(state.postponed, most_doublings));
        state.not_before =
            Clock::now() + std::min<std::chrono::seconds>(wait, m_settings.longest_wait);
        ++state.postponed;
        m_states.save(ticket.id, state);
        tell(ticket, "received", state.last_error);
    }

    const Config& m_config;
    const UploadOrder& m_order;
    PathologySettings m_settings;
    UploadFolder m_folder;
    UploadStates m_states;
    routing::Redcaps m_redcaps;
    SlideReporter m_reporter;
    UploadReport m_report;
    std::size_t m_worked = 0;
};

} // namespace

UploadReport process_uploads(const Config& config, const UploadOrder& order)
{
    Run run{config, order};
    return order.mode == Mode::apply ? run.apply() : run.plan();
}

UploadReport upload_status(const Config& config, TimePoint now)
{
    const auto settings = read_pathology_settings(config);
    const UploadFolder folder{config.paths};
    const UploadStates states{config.paths};
    UploadReport report;
    for (const auto& ticket : folder.tickets()) {
        auto item = item_of(ticket, "waiting");
        const auto state = states.load(ticket.id);
        item.mode = state.mode;
        try {
            const auto upload = parse_upload(ticket.text);
            name(item, upload, state);
            item.reason = look_for_image(folder, upload, settings, now).missing;
        } catch (const Error& e) {
            item.reason = e.what();
        }
        if (SlideClaim::is_taken(config.paths, ticket.id)) {
            item.state = "busy";
        } else if (!state.last_error.empty()) {
            item.state = "postponed";
            item.reason = state.last_error;
        }
        report.items.push_back(std::move(item));
    }
    for (const auto& ticket : folder.failed()) {
        auto item = item_of(ticket, "failed");
        const auto state = states.load(ticket.id);
        item.mode = state.mode;
        if (state.is_accepted) {
            name(item, parse_upload(ticket.text), state);
        }
        item.reason = folder.reason_of(ticket);
        report.items.push_back(std::move(item));
    }
    return report;
}

json::Value as_json(const UploadReport& report)
{
    json::Array items;
    for (const auto& item : report.items) {
        items.emplace_back(json::Object{{"upload", item.id},
                                        {"project", item.project},
                                        {"participant", item.participant},
                                        {"state", item.state},
                                        {"reason", item.reason},
                                        {"mode", item.mode},
                                        {"levels", item.levels},
                                        {"bytes", item.bytes},
                                        {"seconds", item.seconds}});
    }
    return json::Object{{"uploads", std::move(items)}};
}

std::vector<std::vector<std::string>> as_rows(const UploadReport& report)
{
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : report.items) {
        rows.push_back(
            {item.id, item.project, item.participant, item.state, item.mode, item.reason});
    }
    return rows;
}

} // namespace fiona::wsi
