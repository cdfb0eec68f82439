// SPDX-License-Identifier: MIT
#include "libfiona/triggers/dispatcher.h"

#include "libfiona/base/log.h"
#include "libfiona/triggers/catalogue.h"
#include "libfiona/triggers/state.h"
#include "libfiona/triggers/users.h"

#include <algorithm>

namespace fiona::triggers {

namespace {

using Phase = WaitingMail::Phase;
constexpr unsigned most_refusals = 5; ///< of one mail
constexpr unsigned most_failures = 5; ///< of the action that has to write one

/// Everything one run shares.
class Dispatcher {
public:
    Dispatcher(const Wishes& wishes, const Send& send, TimePoint now)
        : m_wishes{wishes}, m_send{send}, m_now{now}, m_users{Users::load(wishes.users)},
          m_catalogue{wishes}, m_states{wishes.state}
    {
    }

    Report run(const Links& links)
    {
        complain(links.complaints);
        complain(m_catalogue.complaints());
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
        const auto events = m_catalogue.events(link.event);
        const auto actions = m_catalogue.actions(link.action);
        auto known = m_states.load(link);
        auto state = known.value_or(LinkState{.fingerprint = link.fingerprint()});
        const auto mailbox = m_users.mailbox(link.user);
        if (!mailbox || !is_allowed(link, events)) {
            report.outcome = mailbox ? "not a member" : "no address";
            forget(link, std::move(state), known.has_value());
            return;
        }
        take_up(link, state);
        std::optional<Error> failure;
        try {
            write_letters(link, actions, state, 0, failure);
            send_waiting(link, *mailbox, state, report);
            const auto tried = state.due.size();
            for (const auto& event : events) {
                ask_event(link, event, actions, state);
                save(link, state); // a program that keeps its own state says it once only
            }
            if (!known) {
                report.outcome = "new link";
            }
            write_letters(link, actions, state, tried, failure);
            send_waiting(link, *mailbox, state, report);
        } catch (const Error&) {
            count(state, report);
            throw;
        }
        count(state, report);
        if (failure) {
            throw Error{*failure};
        }
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
            state.due.clear();
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
        for (auto& letter : state.due) {
            if (!is_given_up(letter)) {
                continue;
            }
            if (m_wishes.set_aside == Wishes::SetAside::resend) {
                letter.failures = 0;
                is_changed = true;
            } else {
                log::warn("mail_set_aside",
                          {{"link", link.id}, {"reason", "its action failed again and again"}});
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
        auto answer = m_catalogue.answer_of(link, event, memory, m_now);
        memory = std::move(answer.state);
        if (!answer.firing) {
            return;
        }
        for (const auto& action : actions) {
            DueLetter letter{.key = fmt::format("{}/{}/{}", event.directory, action.directory,
                                                answer.firing->key),
                             .event = event.directory,
                             .action = action.directory,
                             .firing = *answer.firing};
            if (state.knows(letter.key)) {
                continue;
            }
            const auto same = std::ranges::find_if(state.due, [&](const DueLetter& one) {
                return one.event == letter.event && one.action == letter.action;
            });
            if (event.api == 1 && same != state.due.end()) {
                same->failures = 0; // the old protocol says nothing but that: one letter tells both
            } else {
                state.due.push_back(std::move(letter));
            }
        }
    }

    [[nodiscard]] static bool is_given_up(const DueLetter& letter)
    {
        return letter.failures >= most_failures;
    }

    /// Of what is due, from the one at `first` on. What fails stays due and is in `failure`; the others are
    /// written.
    void write_letters(const Link& link, const std::vector<Program>& actions, LinkState& state,
                       std::size_t first, std::optional<Error>& failure)
    {
        for (auto i = first; i < state.due.size();) {
            if (is_given_up(state.due[i])) {
                ++i;
                continue;
            }
            try {
                write_letter(link, actions, state, i);
            } catch (const Error& e) {
                log::error(
                    "letter_failed",
                    {{"link", link.id}, {"action", state.due[i].action}, {"reason", e.what()}});
                failure = failure.value_or(e);
                // A disk that is full is no fault of the action.
                state.due[i].failures += e.fault() == Fault::io ? 0U : 1U;
                ++i;
            }
            save(link, state);
        }
    }

    /// Then it is no longer among what is due.
    void write_letter(const Link& link, const std::vector<Program>& actions, LinkState& state,
                      std::size_t index)
    {
        const auto& due = state.due[index];
        const auto action = std::ranges::find(actions, due.action, &Program::directory);
        if (action == actions.end()) {
            throw Error{Fault::data, "the action {} is no longer there", due.action};
        }
        if (auto letter = m_catalogue.letter_of(link, *action, due.firing)) {
            state.mails.push_back({.key = due.key,
                                   .body = std::move(letter->body),
                                   .attachment = std::move(letter->attachment)});
        }
        state.due.erase(state.due.begin() + static_cast<std::ptrdiff_t>(index));
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
        for (const auto& letter : state.due) {
            ++(is_given_up(letter) ? m_report.set_aside : m_report.waiting);
        }
    }

    const Wishes& m_wishes;
    const Send& m_send;
    TimePoint m_now;
    Users m_users;
    Catalogue m_catalogue;
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
