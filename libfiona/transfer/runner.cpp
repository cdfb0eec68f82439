// SPDX-License-Identifier: MIT
#include "libfiona/transfer/runner.h"

#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/study_tree.h"
#include "libfiona/transfer/audit.h"
#include "libfiona/transfer/fair_order.h"
#include "libfiona/transfer/journal.h"
#include "libfiona/transfer/prepared_study.h"
#include "libfiona/transfer/selection.h"
#include "libfiona/transfer/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace fiona::transfer {

namespace {

Item item_of(const store::TransferRequest& request)
{
    Item item;
    item.study = log::uid_tag(request.study.str());
    item.project = request.project.str();
    item.participant = request.participant.str();
    return item;
}

/// Which of two problems the exit code should tell: the one that a person has to mend.
bool is_graver(Fault left, Fault right)
{
    constexpr std::array<Fault, 10> order{
        Fault::internal, Fault::config,   Fault::permission,  Fault::io,   Fault::usage,
        Fault::missing,  Fault::protocol, Fault::unreachable, Fault::data, Fault::temporary};
    return std::ranges::find(order, left) < std::ranges::find(order, right);
}

/// The request is not at fault: it stays, however long it takes.
bool is_of_the_surroundings(Fault fault)
{
    return fault != Fault::data && fault != Fault::internal;
}

std::vector<redcap::ResearchProject> all_projects(const Surroundings& surroundings)
{
    try {
        return redcap::research_projects(*surroundings.connect(redcap::Role::dtp),
                                         redcap::Tokens::without);
    } catch (const Error& e) {
        if (e.fault() == Fault::config || e.fault() == Fault::permission) {
            throw;
        }
        throw Error{Fault::temporary, "DataTransferProjects cannot be read, nothing is sent: {}",
                    e.what()};
    }
}

bool is_wanted(const Order& order, const std::string& name)
{
    return order.only.empty() || std::ranges::find(order.only, name) != order.only.end();
}

class Run {
public:
    Run(const Surroundings& surroundings, const Order& order)
        : m_surroundings{surroundings}, m_order{order}, m_paths{surroundings.config.paths},
          m_requests{m_paths}, m_audit{m_paths}, m_begin{surroundings.now()}
    {
    }

    RunReport apply()
    {
        Workspace::sweep(m_paths);
        PreparedStudy::sweep(m_requests, m_begin);
        Journal::sweep(m_paths, m_begin);
        pacs::CommitmentInbox{m_paths.commitments()}.sweep(m_begin);
        const auto waiting = wanted();
        if (waiting.empty() && m_requests.in_work().empty()) {
            return std::move(m_report);
        }
        m_worker.emplace(m_requests);
        std::vector<std::string> unfinished;
        for (const auto& name : m_worker->adopt()) {
            log::info("request_adopted", {{"request", name}});
            if (m_worker->result(name)) {
                guarded(name, [&] { tell_again(name); });
            } else {
                unfinished.push_back(name);
            }
        }
        if (!unfinished.empty() || !waiting.empty()) {
            work(unfinished, waiting);
        }
        return std::move(m_report);
    }

    RunReport plan()
    {
        const auto waiting = wanted();
        if (waiting.empty()) {
            return std::move(m_report);
        }
        const auto projects = all_projects(m_surroundings);
        for (const auto& name : waiting) {
            guarded(name, [&] { plan(name, projects); });
        }
        return std::move(m_report);
    }

private:
    std::vector<std::string> wanted()
    {
        auto names = m_requests.waiting();
        const auto held = m_requests.held();
        for (const auto& name : m_order.only) {
            if (!m_requests.is_pending(name)) {
                note(Error{Fault::missing, "no request {} waits", name});
            } else if (std::ranges::find(held, name) != held.end()) {
                note(Error{Fault::temporary, "request {} is held: fiona-status queue release",
                           name});
            }
        }
        std::erase_if(names, [&](const auto& name) { return !is_wanted(m_order, name); });
        return fair_order(m_paths, std::move(names));
    }

    void note(const Error& problem)
    {
        if (!m_report.problem || is_graver(problem.fault(), m_report.problem->fault())) {
            m_report.problem = problem;
        }
    }

    /// One request's trouble ends here.
    template <typename Step>
    void guarded(const std::string& name, const Step& step)
    {
        try {
            step();
        } catch (const Error& e) {
            log::error("request_failed", {{"request", name}, {"reason", e.what()}});
            note(e);
        } catch (const std::filesystem::filesystem_error& e) {
            const auto error = disk_error(e);
            log::error("request_failed", {{"request", name}, {"reason", error.what()}});
            note(error);
        } catch (const std::exception& e) {
            log::error("request_failed", {{"request", name}, {"reason", e.what()}});
            note(Error{Fault::internal, "{}", e.what()});
        }
    }

    void plan(const std::string& name, const std::vector<redcap::ResearchProject>& projects)
    {
        const auto request =
            store::TransferRequest::parse(read_file(m_paths.requests() / name), name);
        auto item = item_of(request);
        item.state = "planned";
        const store::StudyTree tree{m_paths};
        const auto* const project = find_project(projects, request.project);
        if (project == nullptr) {
            item.reason = "there is no such project in DataTransferProjects";
        } else if (!tree.has_study(request.study)) {
            item.reason = "the study is no longer on this machine";
        } else {
            for (const auto& image :
                 select_images(tree, request.study, *project,
                               m_surroundings.config.deidentify.no_image_classes)) {
                ++item.counts.in;
                const bool leaves = image.fate == Fate::send || image.fate == Fate::clean;
                item.counts.stored += leaves ? 1U : 0U;
                item.counts.held += image.fate == Fate::hold ? 1U : 0U;
                item.counts.skipped += image.fate == Fate::skip ? 1U : 0U;
                item.counts.refused += image.fate == Fate::refuse ? 1U : 0U;
            }
        }
        m_report.items.push_back(std::move(item));
    }

    void work(const std::vector<std::string>& unfinished, const std::vector<std::string>& waiting)
    {
        try {
            const auto peer = pacs::research_pacs(m_surroundings.config);
            pacs::echo(peer);
            const auto projects = all_projects(m_surroundings);
            const Workspace workspace{m_paths, m_worker->directory().filename().native()};
            Committer committer{m_surroundings.config, peer};
            const Means means{m_surroundings.config, workspace, projects, peer, committer};
            for (const auto& name : unfinished) {
                if (goes_on()) {
                    guarded(name, [&] { process(means, name); });
                }
            }
            for (const auto& name : waiting) {
                if (goes_on() && m_worker->claim(name, claim_time())) {
                    guarded(name, [&] {
                        // A report that was postponed waits with its result: never send again.
                        m_worker->result(name) ? tell_again(name) : process(means, name);
                    });
                }
            }
        } catch (const Error& e) { // before anything was claimed
            log::warn("nothing_sent", {{"waiting", waiting.size()}, {"reason", e.what()}});
            note(e);
        }
    }

    [[nodiscard]] bool goes_on() const
    {
        const bool in_time =
            !m_order.max_runtime || m_surroundings.now() - m_begin < *m_order.max_runtime;
        return in_time && !m_redcap_is_down;
    }

    /// Who names a request does not want to wait for its next try.
    [[nodiscard]] TimePoint claim_time() const
    {
        return m_order.only.empty() ? m_surroundings.now() : TimePoint::max();
    }

    void process(const Means& means, const std::string& name)
    {
        const auto request = readable(name);
        if (!request) {
            return;
        }
        log::info("request_claimed", {{"study", request->study}, {"project", request->project}});
        const auto started = m_surroundings.now();
        auto carried = attempted(means, *request, started);
        const std::chrono::duration<double> took = m_surroundings.now() - started;
        if (auto* const postponed = std::get_if<Postponed>(&carried)) {
            postpone(*request, name, postponed->reason, took.count());
            return;
        }
        auto& outcome = std::get<Outcome>(carried);
        outcome.seconds = took.count();
        const auto note = note_of(outcome, *request);
        m_worker->note_result(name, note);
        record(note);
        tell(name, *request, note);
    }

    /// A file that is no request cannot be reported to REDCap: it says nothing of whom it is for.
    std::optional<store::TransferRequest> readable(const std::string& name)
    {
        try {
            return m_worker->read(name);
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            log::error("request_unreadable", {{"request", name}, {"reason", e.what()}});
            m_worker->finish_failed(name, json::Object{{"error", log::without_uids(e.what())}});
            note(e);
            return std::nullopt;
        }
    }

    std::variant<Outcome, Postponed>
    attempted(const Means& means, const store::TransferRequest& request, TimePoint started)
    {
        try {
            return carry_out(means, request, started);
        } catch (const Error& e) {
            const auto reason = log::without_uids(e.what());
            if (is_of_the_surroundings(e.fault())) {
                note(e);
                return Postponed{reason};
            }
            if (e.fault() == Fault::data) {
                // Of the study, or of a profile that is being edited: a few more tries.
                Journal journal{m_paths, request, started};
                journal.note_failure();
                if (journal.failures() < max_failures) {
                    return Postponed{reason};
                }
            }
            return failure(reason, started);
        }
    }

    void postpone(const store::TransferRequest& request, const std::string& name,
                  const std::string& reason, double seconds)
    {
        const auto failures = m_worker->postpone(name, reason, m_surroundings.now());
        log::warn("request_postponed", {{"study", request.study},
                                        {"project", request.project},
                                        {"failures", failures},
                                        {"reason", reason}});
        auto item = item_of(request);
        item.state = "postponed";
        item.reason = reason;
        item.seconds = seconds;
        m_report.items.push_back(std::move(item));
        note(Error{Fault::temporary, "a request has to be tried again: {}", reason});
    }

    void tell_again(const std::string& name)
    {
        const auto request = m_worker->read(name);
        const auto noted = *m_worker->result(name);
        const auto* const audit = noted.find("audit");
        if (audit != nullptr && !m_audit.has(audit->text("id"))) {
            record(noted, Before::perhaps);
        }
        tell(name, request, noted);
    }

    enum class Before { no, perhaps };
    /// The receipt, if there is one, and after it the line of the audit.
    void record(const json::Value& noted, Before before = Before::no)
    {
        const auto* const receipt = noted.find("receipt");
        if (receipt != nullptr && !receipt->object().empty()) {
            const anonymize::ReceiptBook book{m_paths.receipts(),
                                              SigningKey::load_or_make(m_paths.signing_key())};
            if (before == Before::no || !book.has(receipt->text("id"))) {
                book.append(receipt->object(), m_surroundings.now());
            }
        }
        m_audit.append(*noted.find("audit"));
    }

    /// From here on only the report is repeated, never the sending.
    void tell(const std::string& name, const store::TransferRequest& request,
              const json::Value& noted)
    {
        auto item = told_item(request, noted);
        Journal::finish(m_paths, request);
        PreparedStudy{m_paths, request}.remove();
        if (const auto seen = seen_of(noted)) {
            m_requests.note_seen(name, *seen); // before anybody can see transfer_date
        }
        try {
            incoming().write_result(redcap_result(noted, request));
        } catch (const Error& e) {
            item.state = "unreported";
            log::warn("result_not_reported", {{"study", request.study}, {"reason", e.what()}});
            if (e.fault() == Fault::data) {
                give_up_report(name, noted, e);
            } else {
                m_redcap_is_down = true;
                note(Error{e.fault() == Fault::unreachable ? Fault::temporary : e.fault(),
                           "a result could not be reported: {}", e.what()});
            }
            m_report.items.push_back(std::move(item));
            return;
        }
        if (ending_of(noted) == Outcome::Ending::done) {
            m_worker->finish_done(name, m_surroundings.now());
        } else {
            m_worker->finish_failed(name, messages_of(noted));
        }
        log::info("request_finished", {{"study", request.study},
                                       {"project", request.project},
                                       {"state", item.state},
                                       {"in", item.counts.in},
                                       {"stored", item.counts.stored},
                                       {"before", item.counts.before},
                                       {"masked", item.counts.masked},
                                       {"decoded", item.counts.decoded},
                                       {"added", item.counts.added},
                                       {"held", item.counts.held},
                                       {"skipped", item.counts.skipped},
                                       {"refused", item.counts.refused},
                                       {"seconds", item.seconds}});
        if (!item.reason.empty()) {
            note(Error{Fault::data, "some images were not sent: {}", item.reason});
        }
        m_report.items.push_back(std::move(item));
    }

    /// REDCap answers, and will never take it (somebody deleted the transfer there). What was sent
    /// stands in the messages and in the audit.
    void give_up_report(const std::string& name, const json::Value& noted, const Error& refusal)
    {
        auto messages = messages_of(noted);
        messages.object()["report"] =
            log::without_uids(fmt::format("REDCap refused the result: {}", refusal.what()));
        m_worker->finish_failed(name, messages);
        note(refusal.in("a result could not be reported"));
    }

    static Item told_item(const store::TransferRequest& request, const json::Value& noted)
    {
        auto item = item_of(request);
        item.state = ending_of(noted) == Outcome::Ending::done ? "sent" : "failed";
        item.reason = messages_of(noted).text("error");
        if (const auto* const seconds = noted.find("seconds")) {
            item.seconds = seconds->number();
        }
        if (const auto* const counts = messages_of(noted).find("counts")) {
            item.counts = counts_of(*counts);
        }
        return item;
    }

    redcap::Incoming& incoming()
    {
        if (!m_incoming) {
            m_client = m_surroundings.connect(redcap::Role::incoming);
            const auto locks = m_paths.state() / "locks";
            make_directories(locks);
            m_incoming.emplace(*m_client, locks);
        }
        return *m_incoming;
    }

    const Surroundings& m_surroundings;
    const Order& m_order;
    const Paths& m_paths;
    store::Requests m_requests;
    AuditLog m_audit;
    TimePoint m_begin;
    std::optional<store::RequestWorker> m_worker;
    std::shared_ptr<redcap::Client> m_client;
    std::optional<redcap::Incoming> m_incoming;
    bool m_redcap_is_down = false;
    RunReport m_report;
};

} // namespace

RunReport run(const Surroundings& surroundings, const Order& order)
{
    Run run{surroundings, order};
    return order.mode == Mode::apply ? run.apply() : run.plan();
}

} // namespace fiona::transfer
