// SPDX-License-Identifier: MIT
#include "libfiona/triggers/dispatcher.h"

#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/triggers/arrivals.h"
#include "libfiona/triggers/program.h"
#include "libfiona/triggers/state.h"
#include "libfiona/triggers/users.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace fiona::triggers {

namespace fs = std::filesystem;

namespace {

using Phase = WaitingMail::Phase;
constexpr unsigned most_refusals = 5;

/// A directory for one program, gone with the object.
class WorkDirectory {
public:
    explicit WorkDirectory(const fs::path& base)
    {
        make_directories(base);
        std::string name = base / "trigger-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw os_error(errno, "make a directory for a program");
        }
        m_path = name;
    }
    WorkDirectory(const WorkDirectory&) = delete;
    WorkDirectory& operator=(const WorkDirectory&) = delete;
    ~WorkDirectory()
    {
        std::error_code ignored; // what is left there is private, and goes with other old work
        fs::remove_all(m_path, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return m_path; }

private:
    fs::path m_path;
};

Program built_in(const char* name)
{
    Program program;
    program.name = name;
    program.directory = std::string{"built-in:"} + name;
    program.api = 2;
    return program;
}

bool is_built_in(const Program& program)
{
    return program.script.empty();
}

/// The programs of a directory, and ours where none of them has its name.
Programs with_built_in(const fs::path& directory, const char* name)
{
    auto found = find_programs(directory);
    if (std::ranges::find(found.programs, name, &Program::name) == found.programs.end()) {
        found.programs.push_back(built_in(name));
    }
    return found;
}

std::vector<Program> named(const Programs& all, const std::string& name, std::string_view kind)
{
    std::vector<Program> matching;
    std::ranges::copy_if(all.programs, std::back_inserter(matching),
                         [&](const Program& program) { return program.name == name; });
    if (matching.empty()) {
        throw Error{Fault::data, "there is no {} of that name", kind};
    }
    return matching;
}

/// Everything one run shares.
class Dispatcher {
public:
    Dispatcher(const Wishes& wishes, const Send& send, TimePoint now)
        : m_wishes{wishes}, m_send{send}, m_now{now}, m_users{Users::load(wishes.users)},
          m_events{with_built_in(wishes.events, data_arrived_name)},
          m_actions{with_built_in(wishes.actions, study_list_name)}, m_states{wishes.state}
    {
    }

    Report run(const Links& links)
    {
        complain(links.complaints);
        complain(m_events.complaints);
        complain(m_actions.complaints);
        for (const auto& link : links.links) {
            if (!m_wishes.only || *m_wishes.only == link.id) {
                handle(link);
            }
        }
        if (m_wishes.only && m_report.links.empty()) {
            throw Error{Fault::missing, "there is no link {}", *m_wishes.only};
        }
        return std::move(m_report);
    }

private:
    void complain(const std::vector<std::string>& complaints)
    {
        for (const auto& complaint : complaints) {
            log::error("entry_unreadable", {{"reason", complaint}});
            fail(Fault::data);
        }
    }

    void fail(Fault fault)
    {
        ++m_report.failed;
        m_report.worst = m_report.worst.value_or(fault);
    }

    void handle(const Link& link)
    {
        LinkReport report;
        report.id = link.id;
        report.event = link.event;
        report.outcome = "nothing new";
        try {
            look_at(link, report);
        } catch (const Error& e) {
            report.outcome = e.fault() == Fault::data ? "failed" : "waits";
            report.detail = e.what();
            log::error("link_failed", {{"link", link.id}, {"reason", e.what()}});
            fail(e.fault());
        }
        log::info("link_handled", {{"link", link.id}, {"outcome", report.outcome}});
        m_report.sent += report.sent;
        m_report.links.push_back(std::move(report));
    }

    void save(const Link& link, const LinkState& state)
    {
        if (m_wishes.mode == Mode::apply) {
            m_states.save(link, state);
        }
    }

    void look_at(const Link& link, LinkReport& report)
    {
        const auto events = named(m_events, link.event, "event");
        const auto actions = named(m_actions, link.action, "action");
        auto known = m_states.load(link);
        auto state = known.value_or(LinkState{.fingerprint = link.fingerprint()});
        const auto mailbox = m_users.mailbox(link.user);
        if (!mailbox || !is_allowed(link, events)) {
            report.outcome = mailbox ? "not a member" : "no address";
            forget(link, std::move(state), known.has_value());
            return;
        }
        take_up(link, state);
        try {
            send_waiting(link, *mailbox, state, report);
            for (const auto& event : events) {
                ask_event(link, event, actions, state);
                save(link, state);
            }
            if (!known) {
                report.outcome = "new link";
            }
            send_waiting(link, *mailbox, state, report);
        } catch (const Error&) {
            count(state, report);
            throw;
        }
        count(state, report);
    }

    [[nodiscard]] bool is_allowed(const Link& link, const std::vector<Program>& events) const
    {
        const bool are_projects = std::ranges::any_of(events, &Program::takes_projects);
        return !are_projects
               || std::ranges::all_of(link.parameters, [&](const std::string& project) {
                      return m_users.belongs(link.user, project);
                  });
    }

    /// Who may not get it now gets nothing of it later either: the next time it is a new link.
    void forget(const Link& link, LinkState state, bool is_known)
    {
        if (is_known && m_wishes.mode == Mode::apply) {
            state.fingerprint.clear();
            state.mails.clear();
            m_states.save(link, state);
        }
    }

    /// What a run before us has left.
    void take_up(const Link& link, LinkState& state)
    {
        bool is_changed = false;
        for (auto& mail : state.mails) {
            if (mail.phase == Phase::sending) {
                mail.phase = Phase::uncertain;
                is_changed = true;
            }
            if (mail.phase == Phase::ready || mail.phase == Phase::sending) {
                continue;
            }
            if (m_wishes.set_aside == Wishes::SetAside::resend) {
                mail.phase = Phase::ready;
                mail.refusals = 0;
                is_changed = true;
            } else {
                log::warn("mail_set_aside", {{"link", link.id},
                                             {"reason", mail.phase == Phase::refused
                                                            ? "refused again and again"
                                                            : "it may have been delivered"}});
            }
        }
        if (is_changed) {
            save(link, state);
        }
    }

    void ask_event(const Link& link, const Program& event, const std::vector<Program>& actions,
                   LinkState& state)
    {
        auto& memory = state.event_states[event.directory];
        if (m_wishes.mode == Mode::dry_run && !is_built_in(event)) {
            log::info("event_not_asked", {{"link", link.id}, {"program", event.directory}});
            return; // it may keep a state of its own
        }
        auto answer = answer_of(link, event, memory);
        memory = std::move(answer.state);
        if (!answer.firing) {
            return;
        }
        for (const auto& action : actions) {
            const auto key =
                fmt::format("{}/{}/{}", event.directory, action.directory, answer.firing->key);
            if (state.knows(key)) {
                continue;
            }
            if (auto letter = letter_of(link, action, *answer.firing)) {
                state.mails.push_back({.key = key,
                                       .body = std::move(letter->body),
                                       .attachment = std::move(letter->attachment)});
            }
        }
    }

    [[nodiscard]] Answer answer_of(const Link& link, const Program& event,
                                   const json::Value& memory) const
    {
        if (is_built_in(event)) {
            if (link.parameters.empty()) {
                throw Error{Fault::data, "{} needs projects as parameters", event.name};
            }
            return data_arrived(m_wishes.audit, {link.parameters.begin(), link.parameters.end()},
                                memory, m_now);
        }
        const WorkDirectory work{m_wishes.work};
        return ask(event, link, memory, surroundings(work), iso8601_utc(m_now));
    }

    [[nodiscard]] std::optional<Letter> letter_of(const Link& link, const Program& action,
                                                  const Firing& firing) const
    {
        if (is_built_in(action)) {
            return study_list(firing);
        }
        if (m_wishes.mode == Mode::dry_run) {
            return Letter{};
        }
        const WorkDirectory work{m_wishes.work};
        return compose(action, link, firing, surroundings(work));
    }

    [[nodiscard]] Surroundings surroundings(const WorkDirectory& work) const
    {
        return {work.path(), m_wishes.log, m_wishes.time_limit};
    }

    void send_waiting(const Link& link, const notify::Mailbox& to, LinkState& state,
                      LinkReport& report)
    {
        if (m_wishes.mode == Mode::dry_run) {
            report.sent = static_cast<std::size_t>(
                std::ranges::count(state.mails, Phase::ready, &WaitingMail::phase));
            report.outcome = report.sent > 0 ? "would send" : report.outcome;
            return;
        }
        for (std::size_t i = 0; i < state.mails.size();) {
            if (state.mails[i].phase != Phase::ready) {
                ++i;
                continue;
            }
            if (m_no_server) { // nor is it there for the next one
                throw Error{*m_no_server};
            }
            if (send_one(link, to, state, i)) {
                ++report.sent;
                report.outcome = "sent";
            }
        }
    }

    /// True if it was accepted; then it is no longer among the mails.
    bool send_one(const Link& link, const notify::Mailbox& to, LinkState& state, std::size_t index)
    {
        auto& mail = state.mails[index];
        mail.phase = Phase::sending;
        save(link, state); // before anybody can have it
        auto delivery = notify::Mailer::Delivery::uncertain;
        try {
            delivery = m_send(message_of(link, to, mail));
        } catch (const Error& e) {
            note_refusal(mail, e);
            save(link, state);
            throw;
        }
        const bool is_accepted = delivery == notify::Mailer::Delivery::accepted;
        if (is_accepted) {
            const auto key = mail.key;
            state.mails.erase(state.mails.begin() + static_cast<std::ptrdiff_t>(index));
            state.note_sent(key);
        } else {
            mail.phase = Phase::uncertain;
            log::warn("mail_in_doubt", {{"link", link.id}});
        }
        save(link, state);
        return is_accepted;
    }

    [[nodiscard]] static notify::Mail message_of(const Link& link, const notify::Mailbox& to,
                                                 const WaitingMail& mail)
    {
        notify::Mail message{.to = {to}, .subject = link.subject(), .body = mail.body};
        message.id = link.id + "/" + mail.key;
        if (mail.attachment) {
            message.attachments = {{"attachment.csv", "text/csv; charset=utf-8", *mail.attachment}};
        }
        return message;
    }

    /// A server that is not there has refused nothing.
    void note_refusal(WaitingMail& mail, const Error& error)
    {
        mail.phase = Phase::ready;
        if (error.fault() == Fault::temporary || error.fault() == Fault::protocol) {
            ++mail.refusals;
        } else {
            m_no_server = error;
        }
        if (mail.refusals >= most_refusals) {
            mail.phase = Phase::refused;
        }
    }

    void count(const LinkState& state, LinkReport& report)
    {
        for (const auto& mail : state.mails) {
            const bool waits = mail.phase == Phase::ready;
            ++(waits ? m_report.waiting : m_report.set_aside);
            if (!waits && report.outcome != "sent") {
                report.outcome = "in doubt";
            }
        }
    }

    const Wishes& m_wishes;
    const Send& m_send;
    TimePoint m_now;
    Users m_users;
    Programs m_events;
    Programs m_actions;
    LinkStates m_states;
    std::optional<Error> m_no_server;
    Report m_report;
};

} // namespace

Wishes wishes_of(const Config& config)
{
    const auto code = config.paths.applications / "User" / "asttt" / "code";
    Wishes wishes;
    wishes.links = code / "links.json";
    wishes.events = code / "events";
    wishes.actions = code / "actions";
    wishes.users = config.paths.config() / "users.json";
    wishes.state = config.paths.state() / "triggers";
    wishes.audit = config.paths.logs() / "transfers-audit.jsonl";
    wishes.work = config.paths.temporary();
    wishes.log = config.paths.logs() / "fiona-cron-programs.log";
    const auto* const section = config.document.find("TRIGGERS");
    if (section == nullptr) {
        return wishes;
    }
    try {
        wishes.users = section->text("users_file", wishes.users.native());
        if (const auto* const limit = section->find("time_limit")) {
            wishes.time_limit = std::chrono::seconds{limit->integer()};
        }
    } catch (const Error& e) {
        throw Error{Fault::config, "config: TRIGGERS: {}", e.what()};
    }
    return wishes;
}

Report run_links(const Wishes& wishes, const Send& send, TimePoint now)
{
    const auto links = read_links(wishes.links);
    if (links.links.empty() && links.complaints.empty() && !wishes.only) {
        return {}; // nobody wants anything: a site without users is none to complain about
    }
    return Dispatcher{wishes, send, now}.run(links);
}

} // namespace fiona::triggers
