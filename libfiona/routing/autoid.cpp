// SPDX-License-Identifier: MIT
#include "libfiona/routing/autoid.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/national_id.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/incoming_rows.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/routing/autoid_memory.h"
#include "libfiona/routing/autoid_register.h"
#include "libfiona/routing/former_requests.h"
#include "libfiona/routing/pattern_language.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace fiona::routing {

namespace {

using redcap::ResearchProject;

constexpr std::chrono::hours two_weeks{14 * 24}; // an AE title may be given to a project later
constexpr std::chrono::hours day{24};            // the server's clock and ours differ
constexpr std::size_t hash_digits = 64;

/// A study that waits for its id.
struct Pending {
    StudyUid study;
    std::string patient; ///< study_patient_id of INCOMING: a hash
};

/// Why a patient cannot be told from others; "" if it can.
std::string_view problem_of(const std::string& patient)
{
    if (patient.empty()) {
        return "INCOMING has no hash of its patient id";
    }
    if (patient == sha256_hex("")) {
        return "the study has no patient id";
    }
    const bool is_hash = patient.size() == hash_digits
                         && patient.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_hash ? "" : "study_patient_id of INCOMING is no hash";
}

class Run {
public:
    Run(const AutoIdProjects& redcaps, const Config& config, TimePoint now, Mode mode)
        : m_redcaps{redcaps}, m_tokens{redcaps.dtp}, m_config{config}, m_now{now}, m_mode{mode},
          m_memory_file{config.paths.state() / "autoid.json"}, m_incoming{redcaps.incoming,
                                                                          config.paths.state()
                                                                              / "locks"}
    {
    }

    AutoIdReport report()
    {
        std::optional<FileLock> lock; // one who draws at a time, on whatever machine
        if (m_mode == Mode::apply) {
            make_directories(m_config.paths.state() / "locks");
            lock.emplace(m_config.paths.state() / "locks" / "autoid.lock",
                         std::chrono::seconds{30});
        }
        const auto before = AutoIdMemory::load(m_memory_file);
        auto memory = before;
        if (memory.handled_until > m_now) {
            memory.handled_until.reset(); // by a clock that was ahead
        }
        const auto projects = projects_by_title();
        auto pending = pending_studies(projects, memory);
        if (!pending.empty()) {
            const auto key = load_key(memory);
            memory.key = key.fingerprint();
            for (auto& [title, studies] : pending) {
                handle(projects.at(title), std::move(studies), key);
            }
        }
        if (m_report.refused.empty() && m_report.exhausted.empty() && m_report.disabled.empty()) {
            // Once an hour is enough: it is only a bound for what is read.
            if (!memory.handled_until || m_now - *memory.handled_until > std::chrono::hours{1}) {
                memory.handled_until = m_now;
            }
        }
        if (m_mode == Mode::apply && memory != before) {
            memory.save(m_memory_file);
        }
        return std::move(m_report);
    }

private:
    std::map<std::string, ResearchProject> projects_by_title()
    {
        std::map<std::string, std::vector<ResearchProject>> by_title;
        for (auto& project : redcap::research_projects(m_redcaps.dtp, redcap::Tokens::without)) {
            if (project.active && !project.autoid_aetitle.empty()) {
                ++m_report.projects;
                by_title[project.autoid_aetitle].push_back(std::move(project));
            }
        }
        std::map<std::string, ResearchProject> result;
        for (auto& [title, projects] : by_title) {
            if (projects.size() == 1) {
                result.emplace(title, std::move(projects.front()));
                continue;
            }
            for (const auto& project : projects) {
                disable(project.name, "another project has the same project_autoid_aetitle: nobody "
                                      "can say whose a study is");
            }
        }
        return result;
    }

    /// By AE title. A study with a request for any project is somebody's decision already, and so is one
    /// whose request somebody has taken out of INCOMING.
    std::map<std::string, std::vector<Pending>>
    pending_studies(const std::map<std::string, ResearchProject>& projects,
                    const AutoIdMemory& memory)
    {
        if (projects.empty()) {
            return {};
        }
        struct Merged {
            std::string title, patient;
            bool is_requested = false;
        };
        redcap::ExportSpec spec;
        spec.fields = {"study_aetitle_addressed", "study_patient_id", "transfer_project_name"};
        if (memory.handled_until) {
            const auto begin = std::min(m_now - two_weeks, *memory.handled_until - day);
            spec.date_range_begin = local_minute(begin) + ":00";
        }
        std::map<std::string, Merged> studies;
        for (const auto& row : m_redcaps.incoming.export_records(spec)) {
            auto& merged = studies[row.record];
            const auto fill = [&](std::string& target, std::string_view field) {
                if (auto value = row.value(field); !value.empty()) {
                    target = std::move(value);
                }
            };
            fill(merged.title, "study_aetitle_addressed");
            fill(merged.patient, "study_patient_id");
            merged.is_requested =
                merged.is_requested || !row.value("transfer_project_name").empty();
        }
        std::map<std::string, std::vector<Pending>> pending;
        std::optional<FormerRequests> former; // listed when there is something to look up
        for (auto& [study, merged] : studies) {
            const auto project = projects.find(merged.title);
            if (merged.is_requested || !is_uid(study) || project == projects.end()) {
                continue;
            }
            if (!former) {
                former.emplace(m_config.paths);
            }
            if (former->has(StudyUid{study}, project->second.name)) {
                ++m_report.taken_back;
                continue;
            }
            pending[merged.title].push_back({StudyUid{study}, std::move(merged.patient)});
            ++m_report.pending;
        }
        return pending;
    }

    [[nodiscard]] AutoIdKey load_key(const AutoIdMemory& memory) const
    {
        const auto file = m_config.paths.config() / "autoid.key";
        if (!std::filesystem::exists(file)) {
            if (!memory.key.empty() || has_keyed_rows(m_redcaps.autoid)) {
                throw Error{Fault::config,
                            "{} is lost, and AUTOID holds hashes made with it: put it back from a "
                            "backup, or every known patient would get a second id",
                            file.native()};
            }
            if (m_mode == Mode::dry_run) {
                return AutoIdKey::passing();
            }
        }
        auto key = AutoIdKey::load_or_make(file);
        if (!memory.key.empty() && memory.key != key.fingerprint()) {
            throw Error{Fault::config,
                        "{} is not the key that was in use: put that one back, or every known "
                        "patient would get a second id",
                        file.native()};
        }
        return key;
    }

    void handle(const ResearchProject& project, std::vector<Pending> studies, const AutoIdKey& key)
    {
        std::erase_if(studies, [&](const Pending& pending) {
            const auto problem = problem_of(pending.patient);
            if (!problem.empty()) {
                refuse(pending.study, project.name, problem);
            }
            return !problem.empty();
        });
        if (studies.empty()) {
            return;
        }
        try {
            const PatternLanguage language{project.participant_pattern};
            const auto client = m_redcaps.open(m_tokens.of(project.name));
            const auto event = redcap::event_label(*client, event_of(project.name));
            AutoIdRegister ids{m_redcaps.autoid, key, project.name};
            const auto drawn = draw_new(project, language, ids, *client, studies);
            if (m_mode == Mode::apply) {
                ids.add(drawn);
            }
            request(project.name, event, studies, [&](const std::string& patient) {
                auto known = ids.find(patient);
                const auto now =
                    std::ranges::find(drawn, patient, &AutoIdRegister::Entry::study_patient_id);
                return !known && now != drawn.end() ? std::optional{now->value} : known;
            });
        } catch (const Error& e) {
            if (e.fault() != Fault::data && e.fault() != Fault::config) {
                throw;
            }
            disable(project.name, e.what());
        }
    }

    /// "" for none. `"AUTOID": {"PROJECT": {"event": "..."}}` in the configuration.
    [[nodiscard]] std::string event_of(const ProjectName& project) const
    {
        const auto* const settings = m_config.document.find("AUTOID");
        const auto* const own = settings == nullptr ? nullptr : settings->find(project.str());
        return own == nullptr ? std::string{} : own->text("event");
    }

    /// Ids for those patients that have none yet, one each however many studies they have.
    std::vector<AutoIdRegister::Entry> draw_new(const ResearchProject& project,
                                                const PatternLanguage& language,
                                                const AutoIdRegister& ids, redcap::Client& client,
                                                const std::vector<Pending>& studies)
    {
        std::set<std::string> unknown;
        for (const auto& pending : studies) {
            if (!ids.find(pending.patient)) {
                unknown.insert(pending.patient);
            }
        }
        std::vector<AutoIdRegister::Entry> drawn;
        if (unknown.empty()) {
            return drawn;
        }
        IdPool pool{language};
        const auto take_all = [&](const std::vector<std::string>& used) {
            std::ranges::for_each(used, [&](const std::string& id) { pool.take(id); });
        };
        take_all(ids.values());
        take_all(redcap::participants(client));
        take_all(requested_participants(project.name));
        for (const auto& patient : unknown) {
            auto id = draw(pool, patient);
            if (!id) {
                m_report.exhausted.push_back(
                    {project.name,
                     fmt::format("all {} ids of the pattern are used, {} patients "
                                 "have none",
                                 language.size().str(), unknown.size() - drawn.size())});
                log::error("autoid_exhausted", {{"project", project.name},
                                                {"ids", language.size().str()},
                                                {"patients", unknown.size() - drawn.size()}});
                break;
            }
            drawn.push_back({patient, std::move(*id)});
        }
        m_report.new_participants += drawn.size();
        return drawn;
    }

    /// No id by which somebody could be known: a national number, or by chance the patient's own id.
    static std::optional<std::string> draw(IdPool& pool, const std::string& patient)
    {
        auto id = pool.draw();
        while (id && (contains_norwegian_id(*id) || sha256_hex(*id) == patient)) {
            id = pool.draw();
        }
        return id;
    }

    /// Those of the coupling list and of a person's hand may not be in the project's REDCap yet.
    [[nodiscard]] std::vector<std::string> requested_participants(const ProjectName& project)
    {
        redcap::ExportSpec spec;
        // No filterLogic: servers differ in what it does to repeating rows, and a name that is missed
        // here is given twice.
        spec.fields = {"transfer_project_name", "transfer_name"};
        std::vector<std::string> names;
        for (const auto& row : m_redcaps.incoming.export_records(spec)) {
            if (row.value("transfer_project_name") == project.str()) {
                names.push_back(row.value("transfer_name"));
            }
        }
        return names;
    }

    void request(const ProjectName& project, const std::string& event,
                 const std::vector<Pending>& studies,
                 const std::function<std::optional<std::string>(const std::string&)>& id_of)
    {
        std::vector<redcap::Transfer> wanted;
        for (const auto& pending : studies) {
            if (auto id = id_of(pending.patient)) {
                wanted.push_back({.study = pending.study,
                                  .project = project.str(),
                                  .participant = std::move(*id),
                                  .event = event});
            }
        }
        using Result = redcap::Incoming::Requested::Result;
        for (const auto& item : m_incoming.ensure_transfers(wanted, m_now, m_mode)) {
            if (item.result == Result::conflict || item.result == Result::refused) {
                refuse(item.transfer.study, project, item.reason);
                continue;
            }
            log::info(m_mode == Mode::apply ? "autoid_given" : "autoid_would_be_given",
                      {{"study", item.transfer.study}, {"project", project}});
            m_report.given.push_back({item.transfer.study, project});
        }
    }

    void refuse(const StudyUid& study, const ProjectName& project, std::string_view reason)
    {
        log::warn("autoid_refused", {{"study", study}, {"project", project}, {"reason", reason}});
        m_report.refused.push_back({study, project, std::string{reason}});
    }

    void disable(const ProjectName& project, std::string_view reason)
    {
        log::error("autoid_disabled", {{"project", project}, {"reason", reason}});
        m_report.disabled.push_back({project, std::string{reason}});
    }

    const AutoIdProjects& m_redcaps;
    redcap::ProjectTokens m_tokens;
    const Config& m_config;
    TimePoint m_now;
    Mode m_mode;
    std::filesystem::path m_memory_file;
    redcap::Incoming m_incoming;
    AutoIdReport m_report;
};

} // namespace

AutoIdReport populate_autoid(const AutoIdProjects& projects, const Config& config, TimePoint now,
                             Mode mode)
{
    return Run{projects, config, now, mode}.report();
}

} // namespace fiona::routing
