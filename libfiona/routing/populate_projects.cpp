// SPDX-License-Identifier: MIT
#include "libfiona/routing/populate_projects.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/routing/imaging_rows.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <map>

namespace fiona::routing {

namespace {

using Transfers = std::vector<redcap::Transfer>;

bool is_done(const redcap::Transfer& transfer)
{
    return !transfer.transferred.empty() && !transfer.mapped_uids.empty()
           && !transfer.deidentify_error && !transfer.send_error && !transfer.participant.empty();
}

/// What the project is to be told; equal digests need no second look.
std::string digest_of(const Transfers& transfers)
{
    Sha256 digest;
    for (const auto& transfer : transfers) {
        for (const auto* const text : {&transfer.study.str(), &transfer.participant,
                                       &transfer.event, &transfer.mapped_uids}) {
            digest.add(*text);
            digest.add(std::string_view{"\0", 1});
        }
    }
    return to_hex(digest.finish());
}

constexpr std::chrono::hours tell_every{24}; // a REDCap may have been put back to an earlier state

/// By project: digest_of() what it was told last, and when.
class ToldProjects {
public:
    explicit ToldProjects(std::filesystem::path file) : m_file{std::move(file)}
    {
        try {
            const auto text = read_file_if_any(m_file);
            m_told = text ? json::parse(*text, m_file.native()).object() : json::Object{};
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            log::warn("memory_forgotten", {{"reason", e.what()}});
        }
    }

    /// Not if it is too long ago.
    [[nodiscard]] bool has(const std::string& project, const std::string& digest,
                           TimePoint now) const
    {
        const auto found = m_told.find(project);
        if (found == m_told.end() || !found->second.is_object()) { // of an older version
            return false;
        }
        const auto* const when = found->second.find("when");
        return found->second.text("digest") == digest && when != nullptr && when->is_integer()
               && when->integer() > 0 && when->integer() < end_of_clock
               && is_younger(TimePoint{std::chrono::seconds{when->integer()}}, now, tell_every);
    }
    void put(const std::string& project, const std::string& digest, TimePoint now)
    {
        m_told.insert_or_assign(project,
                                json::Object{{"digest", digest}, {"when", epoch_seconds(now)}});
        make_directories(m_file.parent_path());
        store::write_file(m_file, json::write(m_told));
    }

private:
    std::filesystem::path m_file;
    json::Object m_told;
};

/// Those that a client made, once it is done with, however it ended.
class CountCalls {
public:
    CountCalls(const redcap::Client& client, unsigned& calls) : m_client{client}, m_calls{calls} {}
    CountCalls(const CountCalls&) = delete;
    CountCalls& operator=(const CountCalls&) = delete;
    ~CountCalls() { m_calls += m_client.traffic().calls; }

private:
    const redcap::Client& m_client;
    unsigned& m_calls;
};

class Run {
public:
    Run(const ProjectRedcaps& redcaps, const Config& config, TimePoint now, Mode mode)
        : m_redcaps{redcaps}, m_tokens{redcaps.dtp},
          m_incoming{redcaps.incoming, config.paths.state() / "locks"}, m_paths{config.paths},
          m_told{config.paths.state() / "populate-projects.json"}, m_now{now}, m_mode{mode}
    {
    }

    ProjectsReport report(const std::optional<ProjectName>& only)
    {
        std::map<std::string, Transfers> done;
        for (auto& transfer : m_incoming.transfers()) {
            if (is_done(transfer) && (!only || transfer.project == only->str())) {
                ++m_report.transfers;
                done[transfer.project].push_back(std::move(transfer));
            }
        }
        for (const auto& project :
             redcap::research_projects(m_redcaps.dtp, redcap::Tokens::without)) {
            const auto found = done.find(project.name.str());
            if (!project.active || found == done.end()) {
                continue;
            }
            ++m_report.projects;
            auto& transfers = found->second;
            std::ranges::sort(transfers, {}, [](const redcap::Transfer& transfer) {
                return std::pair{transfer.study, transfer.instance};
            });
            const auto digest = digest_of(transfers);
            if (!only && m_told.has(project.name.str(), digest, m_now)) {
                ++m_report.unchanged;
                continue;
            }
            if (tell(project, transfers) && m_mode == Mode::apply) {
                m_told.put(project.name.str(), digest, m_now);
            }
        }
        return std::move(m_report);
    }

private:
    /// True if nothing is left to be told.
    bool tell(const redcap::ResearchProject& project, const Transfers& transfers)
    {
        const auto problems = m_report.problems.size();
        try {
            const auto client = m_redcaps.open(m_tokens.of(project.name));
            const CountCalls count{*client, m_report.calls};
            fill(*client, project.name, transfers);
        } catch (const Error& e) {
            report_problem(project.name, e);
        }
        return m_report.problems.size() == problems;
    }

    void fill(redcap::Client& client, const ProjectName& project, const Transfers& transfers)
    {
        std::optional<FileLock> lock; // instance numbers are chosen by one at a time
        if (m_mode == Mode::apply) {
            const auto locks = m_paths.state() / "locks";
            make_directories(locks);
            lock.emplace(locks / ("project-" + sha256_hex(project.str()) + ".lock"),
                         std::chrono::seconds{30});
        }
        constexpr unsigned max_rounds = 5;
        for (unsigned round = 1;; ++round) {
            ProjectGap gap{client};
            for (const auto& transfer : transfers) {
                plan(gap, project, transfer, round);
            }
            if (round == 1) {
                m_report.participants_created += gap.participants().size();
                m_report.images_created += gap.images().size();
            }
            if ((gap.participants().empty() && gap.images().empty()) || m_mode == Mode::dry_run) {
                return;
            }
            if (round > max_rounds) {
                throw Error{Fault::protocol, "REDCap does not keep the rows that it confirms"};
            }
            write(client, gap, round == max_rounds);
            log::info("project_told", {{"project", project},
                                       {"participants", gap.participants().size()},
                                       {"images", gap.images().size()}});
        }
    }

    void plan(ProjectGap& gap, const ProjectName& project, const redcap::Transfer& transfer,
              unsigned round)
    {
        try {
            gap.add(transfer);
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            if (round == 1) {
                report_problem(project, e.in(fmt::format("study {}", transfer.study)));
            }
        }
    }

    /// After a lost answer the next round looks before it writes.
    static void write(redcap::Client& client, const ProjectGap& gap, bool is_last)
    {
        auto rows = gap.participants();
        rows.insert(rows.end(), gap.images().begin(), gap.images().end());
        try {
            client.import_once(rows, redcap::Overwrite::normal);
        } catch (const Error& e) {
            if (e.fault() == Fault::data && !gap.images().empty() && !gap.participants().empty()) {
                // What is wrong with an image is no reason to have no participant.
                client.import_records(gap.participants(), redcap::Overwrite::normal);
            }
            if (!redcap::may_have_happened(e) || is_last) {
                throw;
            }
        }
    }

    void report_problem(const ProjectName& project, const Error& e)
    {
        log::warn("project_not_told", {{"project", project}, {"reason", e.what()}});
        m_report.problems.push_back({project, e.what(), e.fault() == Fault::data});
    }

    const ProjectRedcaps& m_redcaps;
    redcap::ProjectTokens m_tokens;
    redcap::Incoming m_incoming;
    const Paths& m_paths;
    ToldProjects m_told;
    TimePoint m_now;
    Mode m_mode;
    ProjectsReport m_report;
};

} // namespace

ProjectsReport populate_projects(const ProjectRedcaps& redcaps, const Config& config, TimePoint now,
                                 Mode mode, const std::optional<ProjectName>& only)
{
    return Run{redcaps, config, now, mode}.report(only);
}

} // namespace fiona::routing
