// SPDX-License-Identifier: MIT
#include "libfiona/export/runner.h"

#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/export/export_type.h"
#include "libfiona/export/measurements.h"
#include "libfiona/export/package.h"
#include "libfiona/export/participant.h"
#include "libfiona/export/progress_file.h"
#include "libfiona/export/pull.h"
#include "libfiona/export/work_folder.h"
#include "libfiona/notify/mail.h"
#include "libfiona/store/folder.h"

#include <algorithm>
#include <set>
#include <utility>

namespace fiona::exports {

namespace fs = std::filesystem;
using State = ExportResult::State;

namespace {

constexpr std::chrono::hours keep_progress{24};

/// Event and folder as the project writes them.
PackageFacts named_facts(const ExportTypes& types, const ExportJob& job)
{
    const auto& naming = types.naming(job.project);
    std::string event = job.event;
    const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
        return name == "Project" ? job.project : name == "Event" ? event : job.participant;
    };
    PackageFacts facts{.project = job.project, .participant_id = job.participant};
    facts.event = naming.event.value(lookup).value_or(job.event);
    for (const auto& [from, to] : naming.event_replace) {
        for (auto at = facts.event.find(from); !from.empty() && at != std::string::npos;
             at = facts.event.find(from, at + to.size())) {
            facts.event.replace(at, from.size(), to);
        }
    }
    event = facts.event;
    facts.folder = naming.folder.value(lookup).value_or("");
    return facts;
}

class Runner {
public:
    Runner(const Config& config, const ExportSettings& settings, const SendMail& send_mail,
           const RunOptions& options)
        : m_config{config}, m_settings{settings}, m_send_mail{send_mail}, m_options{options},
          m_types{ExportTypes::load(settings.types)}, m_list{settings.list, settings.failed_list}
    {
    }

    RunReport go()
    {
        ProgressFile::sweep(m_settings.packages, keep_progress);
        while (m_report.jobs.size() < m_options.max.value_or(m_report.jobs.size() + 1)) {
            const auto job = m_list.claim({Clock::now(), last_exports(m_settings.last_exports),
                                           m_options.id, m_seen, m_settings.longest_wait});
            if (!job) {
                break;
            }
            m_seen.insert(job->id);
            handle(*job);
            if (m_options.id) {
                break;
            }
        }
        if (m_options.id && m_report.jobs.empty()) {
            throw Error{Fault::missing, "there is no such job that waits"};
        }
        return std::move(m_report);
    }

private:
    void handle(ExportJob job)
    {
        ExportResult result{State::made, job.id, job.project, job.type, job.study.str()};
        ProgressFile progress{m_settings.packages, job.id};
        try {
            work_on(job, result, progress);
            if (job.is_mailed()) {
                finish_mailed(job);
            } else {
                m_list.finish(job);
            }
            progress.set_state("done");
        } catch (const Error& e) {
            note_failure(job, e, result);
            progress.set_state(result.state == State::given_up ? "failed" : "waiting",
                               result.reason);
        } catch (const fs::filesystem_error& e) {
            note_failure(job, os_error(e.code().value(), "work on a package"), result);
            progress.set_state("waiting", result.reason);
        }
        m_report.jobs.push_back(std::move(result));
    }

    void work_on(const ExportJob& job, ExportResult& result, ProgressFile& progress)
    {
        const auto& type = m_types.find(job.type);
        const auto facts = named_facts(m_types, job);
        const auto package = package_file(m_settings, job, facts.event);
        if (job.state == ExportJob::State::mailing) {
            throw Error{Fault::data, "it was stopped while it mailed; nobody knows whether the "
                                     "mail went, so it is not sent again"};
        }
        require_mail_is_allowed(job);
        if (job.destination == "tsd") {
            log::warn("upload_is_not_offered", {{"job", job.id}, {"project", job.project}});
        }
        WorkFolder work{m_settings.work, job.id};
        if (has_package(package)) {
            result.state = State::was_there;
            result.bytes = fs::file_size(package);
        } else {
            const auto made = make({job, type, work, package}, facts, progress);
            result.objects = made.objects;
            result.bytes = made.bytes;
            log::info("package_made", {{"job", job.id},
                                       {"project", job.project},
                                       {"study", job.study},
                                       {"type", type.name},
                                       {"objects", result.objects},
                                       {"bytes", result.bytes},
                                       {"seconds", progress.elapsed().count()}});
        }
        if (!m_options.keeps_work) {
            work.remove();
        }
        if (job.is_mailed()) {
            progress.set_state("mailing");
            m_list.mark_mailing(job);
            m_send_mail(job, package);
        }
    }

    /// The mail has gone, so the line is not released whatever happens: it stays `mailing`, and the
    /// next run gives it up instead of mailing once more.
    void finish_mailed(const ExportJob& job)
    {
        constexpr int attempts = 3; // a lock, or a disk that was full for a moment
        for (int attempt = 1;; ++attempt) {
            try {
                m_list.finish(job);
                return;
            } catch (const Error& e) {
                if (attempt == attempts) {
                    log::warn("mailed_line_stays", {{"job", job.id}, {"reason", e.what()}});
                    note_problem(e.in(fmt::format("export {} was mailed, its line stays", job.id)));
                    return;
                }
            }
        }
    }

    struct Task {
        const ExportJob& job;
        const ExportType& type;
        const WorkFolder& work;
        const fs::path& package;
    };
    struct Made {
        std::size_t objects;
        std::uint64_t bytes;
    };

    Made make(const Task& task, PackageFacts facts, ProgressFile& progress)
    {
        const auto& job = task.job;
        // What costs nothing first: a project without a token must not pull.
        facts.participant = find_participant(m_config, m_settings, job.project, job.participant);
        progress.set_state("pulling");
        const auto pulled =
            pull(m_settings, job, task.work.keep("DICOM"),
                 [&](std::size_t here, std::size_t all) { progress.set_counts(here, all); });
        facts.study_date = shifted(pulled.study_date, 0);
        progress.set_state("packing");
        const PackageOrder order{
            m_config,
            m_settings,
            task.type,
            facts,
            pulled.files,
            task.work,
            job.password,
            Clock::now(),
            [&](std::size_t done, std::size_t all) { progress.set_counts(done, all); }};
        const auto totals = make_package(order, task.package);
        progress.set_bytes(totals.packed);
        note_export(m_settings, job.project, progress.elapsed(), Clock::now());
        return {pulled.files.size(), totals.packed};
    }

    void require_mail_is_allowed(const ExportJob& job) const
    {
        if (!job.is_mailed()) {
            return;
        }
        static_cast<void>(MailAddress{job.email});
        if (!may_be_mailed_to(m_settings, job.email)) {
            throw Error{Fault::config, "EXPORT.mail_domains does not allow the mail's domain"};
        }
        if (!m_send_mail) {
            throw Error{Fault::config, "a package is to be mailed, and SMTP is not configured"};
        }
    }

    void note_failure(ExportJob& job, const Error& error, ExportResult& result)
    {
        const auto now = Clock::now();
        result.reason = log::without_uids(error.what());
        job.last_error = result.reason;
        const bool is_waiting_for_peer = // or for a disk: nothing that the job could help
            error.fault() == Fault::unreachable || error.fault() == Fault::io;
        const bool is_lost_mail = job.state == ExportJob::State::mailing;
        auto& count = is_waiting_for_peer ? job.postponed : job.attempts;
        ++count;
        result.state = State::postponed;
        if (is_lost_mail || (!is_waiting_for_peer && job.attempts >= m_settings.attempts)) {
            result.state = State::given_up;
            m_list.give_up(job, now);
            store::remove_tree(m_settings.work / ("tmp_" + job.id));
        } else {
            constexpr unsigned most_doublings = 16;
            const auto wait = m_settings.first_wait * (1U << std::min(count - 1, most_doublings));
            job.not_before = now + std::min<std::chrono::seconds>(wait, m_settings.longest_wait);
            m_list.release(job);
        }
        log::warn(result.state == State::given_up ? "export_given_up" : "export_postponed",
                  {{"job", job.id},
                   {"project", job.project},
                   {"attempts", job.attempts},
                   {"reason", result.reason}});
        note_problem(error.in(fmt::format("export {}", job.id)));
    }

    void note_problem(const Error& error)
    {
        if (!m_report.problem || m_report.problem->fault() == Fault::temporary) {
            m_report.problem.emplace(error);
        }
    }

    const Config& m_config;
    const ExportSettings& m_settings;
    const SendMail& m_send_mail;
    const RunOptions& m_options;
    ExportTypes m_types;
    ExportList m_list;
    std::set<std::string> m_seen;
    RunReport m_report;
};

RunReport preview(const ExportSettings& settings, const RunOptions& options)
{
    RunReport report;
    const auto types = ExportTypes::load(settings.types);
    const auto now = Clock::now();
    const ExportList list{settings.list, settings.failed_list};
    for (const auto& job : list.read().jobs) {
        const bool is_due =
            job.state == ExportJob::State::queued
            && !is_awaited(job.not_before.value_or(TimePoint{}), now, settings.longest_wait);
        if (options.id ? job.id != *options.id : !is_due) {
            continue;
        }
        ExportResult result{State::would_make, job.id, job.project, job.type, job.study.str()};
        try {
            static_cast<void>(types.find(job.type));
            const auto facts = named_facts(types, job);
            if (has_package(package_file(settings, job, facts.event))) {
                result.state = State::was_there;
            }
        } catch (const Error& e) {
            result.state = State::postponed;
            result.reason = e.what();
        }
        report.jobs.push_back(std::move(result));
    }
    return report;
}

} // namespace

std::string_view name_of(State state)
{
    switch (state) {
    case State::made: return "made";
    case State::was_there: return "was there";
    case State::postponed: return "postponed";
    case State::given_up: return "given up";
    case State::would_make: break;
    }
    return "would be made";
}

bool may_be_mailed_to(const ExportSettings& settings, std::string_view address)
{
    const auto at = address.rfind('@');
    const auto domain =
        lower_case(at == std::string_view::npos ? std::string_view{} : address.substr(at + 1));
    return !domain.empty()
           && std::ranges::any_of(settings.mail_domains, [&](const std::string& allowed) {
                  return lower_case(allowed) == domain;
              });
}

RunReport run_exports(const Config& config, const ExportSettings& settings,
                      const SendMail& send_mail, const RunOptions& options)
{
    if (options.mode == Mode::dry_run) {
        return preview(settings, options);
    }
    if (settings.pacs.host.empty() || settings.pacs.port == 0) {
        throw Error{Fault::config, "{}: RESEARCH_PACS needs a host and a qr_port (or port)",
                    config.file.native()};
    }
    return Runner{config, settings, send_mail, options}.go();
}

ExportList::Added request_export(const ExportSettings& settings, const ExportJob& job, Mode mode)
{
    static_cast<void>(ExportTypes::load(settings.types).find(job.type));
    if (!job.email.empty() && !may_be_mailed_to(settings, MailAddress{job.email}.str())) {
        throw Error{Fault::data, "EXPORT.mail_domains does not allow the mail's domain"};
    }
    const ExportList list{settings.list, settings.failed_list};
    if (mode == Mode::apply) {
        return list.add(job, Clock::now());
    }
    const auto jobs = list.read().jobs;
    const auto id = id_of(as_line(job, Clock::now()));
    const bool was_there = std::ranges::any_of(jobs, [&](const auto& one) { return one.id == id; });
    return was_there ? ExportList::Added::was_there : ExportList::Added::yes;
}

} // namespace fiona::exports
