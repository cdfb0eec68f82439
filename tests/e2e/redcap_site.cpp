// SPDX-License-Identifier: MIT
#include "tests/e2e/redcap_site.h"

#include "libfiona/base/files.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/base/text.h"
#include "libfiona/store/study_tree.h"
#include "tests/support/child_process.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <fstream>

using namespace fiona;
namespace fs = std::filesystem;
using Clock_ = std::chrono::steady_clock;

namespace {

constexpr unsigned series_per_study = 2;

double cpu_of_children()
{
    struct rusage usage {};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double highest_megabytes(pid_t pid)
{
    constexpr std::string_view key = "VmHWM:";
    const auto text = read_file_if_any(fmt::format("/proc/{}/status", pid)).value_or("");
    const auto at = text.find(key);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + key.size())) / 1024;
}

/// Without the fsync that store::write_file() does: thousands of them take minutes.
void write_series(const store::StudyTree& tree, const StudyUid& study, unsigned number)
{
    const SeriesUid series{fmt::format("{}.{}", study, number)};
    fs::create_directories(tree.series_directory(study, series));
    auto properties = series_properties(study, series);
    properties["AccessionNumber"] = fmt::format("ACC{}", study);
    properties["PatientID"] = fmt::format("TESTID{}", study);
    properties["PatientName"] = fmt::format("DOE^{}", study);
    std::ofstream{tree.series_json(study, series)} << json::write(properties);
}

std::string project_name(unsigned number)
{
    return fmt::format("PROJECT{:02}", number);
}

} // namespace

GrownSite::GrownSite(const SiteSize& size) : m_size{size}
{
    make_studies();
    // The first run tells every project of years at once; by the usual limit it would only wait.
    m_site.set_redcap("rate_per_minute", 1200);
    m_site.start_redcap();
    make_projects();
    fill_redcap();
    static_cast<void>(calls());
}

StudyUid GrownSite::study(unsigned number)
{
    return StudyUid{fmt::format("1.2.826.0.1.3680043.2.1125.{}", number)};
}

std::string GrownSite::token(unsigned project) const
{
    return m_tokens.at(project - 1);
}

void GrownSite::make_projects()
{
    for (unsigned number = 1; number <= m_size.projects; ++number) {
        const auto made = run_tool("fiona-redcapd",
                                   {"project", "create", "--db", m_site.redcap_database().native(),
                                    "--title", project_name(number), "--print-token"});
        REQUIRE(made.exit_code == 0);
        m_tokens.emplace_back(trimmed(made.out));
    }
}

void GrownSite::make_studies() const
{
    const store::StudyTree tree{m_site.config().paths};
    const auto then = fs::file_time_type::clock::now() - std::chrono::hours{2};
    for (unsigned number = 1; number <= m_size.studies; ++number) {
        const auto uid = study(number);
        for (unsigned series = 1; series <= series_per_study; ++series) {
            write_series(tree, uid, series);
        }
        for (const auto& entry : fs::directory_iterator{tree.study_directory(uid)}) {
            fs::last_write_time(entry.path(), then);
        }
        fs::last_write_time(tree.study_directory(uid), then);
    }
}

void GrownSite::fill_redcap() const
{
    using redcap::Role;
    using Rows = std::vector<redcap::Row>;
    constexpr auto normal = redcap::Overwrite::normal;
    // The generator is no tool of the site: it does not share their limit.
    auto config = m_site.config().redcap;
    config.state_dir.clear();
    const auto import = [&](Role role, const Rows& rows) {
        redcap::connect(config, role)->import_records(rows, normal);
    };

    Rows projects;
    Rows rules;
    for (unsigned number = 1; number <= m_size.projects; ++number) {
        const auto name = project_name(number);
        projects.push_back({name,
                            {},
                            {},
                            0,
                            {{"project_name", name},
                             {"project_active", "1"},
                             {"project_token", token(number)},
                             {"project_patient_naming", "P_[0-9]{6}"}}});
        rules.push_back({name,
                         {},
                         {},
                         0,
                         {{"routing_active", "1"},
                          {"routing_dest_project", name},
                          {"routing_incoming_aetitle", fmt::format("AE{}", number)},
                          {"routing_allowed_patientid", "P_[0-9]{6}"}}});
    }
    import(Role::dtp, projects);
    import(Role::routing, rules);

    Rows couplings;
    for (unsigned number = 1; number <= m_size.couplings; ++number) {
        couplings.push_back({fmt::format("{}", number),
                             {},
                             {},
                             0,
                             {{"cl_accessionnumber", fmt::format("OTHER{}", number)},
                              {"cl_projectname", project_name(1)},
                              {"cl_subjectid", fmt::format("P_{:06}", number)},
                              {"cl_date", "2024-01-02 10:30"}}});
    }
    import(Role::coupling, couplings);

    Rows transfers;
    const auto sent = local_minute(Clock::now());
    for (unsigned number = 1; number <= m_size.studies; ++number) {
        transfers.push_back({study(number).str(),
                             {},
                             "transfers",
                             1,
                             {{"transfer_project_name", project_name(1 + number % m_size.projects)},
                              {"transfer_name", fmt::format("P_{:06}", number)},
                              {"transfer_requested_date", "2024-01-02 10:30"},
                              {"transfer_date", sent},
                              {"transfer_mapped_uid", fmt::format("2.25.{}", number)}}});
    }
    import(Role::incoming, transfers);
}

GrownSite::Run GrownSite::run(const std::string& tool) const
{
    Run run;
    const auto cpu = cpu_of_children();
    const auto begin = Clock_::now();
    ChildProcess child{{built_program(tool), "--config", m_site.config_file()},
                       m_site.root() / "run"};
    std::optional<int> ended;
    while (!ended && Clock_::now() - begin < std::chrono::minutes{3}) {
        run.most_megabytes = std::max(run.most_megabytes, highest_megabytes(child.pid()));
        ended = child.wait(std::chrono::milliseconds{1});
    }
    run.wall_seconds = std::chrono::duration<double>{Clock_::now() - begin}.count();
    run.cpu_seconds = cpu_of_children() - cpu;
    run.exit_code = ended.value_or(-1);
    run.err = child.err();
    return run;
}

std::map<std::string, unsigned> GrownSite::calls()
{
    const auto log = read_file(m_site.redcap_log());
    std::map<std::string, unsigned> calls;
    for (const auto line : split(std::string_view{log}.substr(m_log_read), '\n')) {
        constexpr std::string_view key = " project=";
        const auto at = line.find(key);
        if (line.find("event=request_answered") != std::string_view::npos
            && at != std::string_view::npos) {
            const auto value = line.substr(at + key.size());
            ++calls[std::string{value.substr(0, value.find(' '))}];
        }
    }
    m_log_read = log.size();
    return calls;
}

void GrownSite::later(std::chrono::seconds how_much) const
{
    Database server{m_site.redcap_database(), Database::Open::existing};
    fiona::run(server, "UPDATE record SET modified = modified - ?", how_much.count());
    Database copies{m_site.config().paths.state() / "redcap-mirror.sqlite",
                    Database::Open::existing};
    for (const auto* const time : {"$.looked", "$.log_looked", "$.schema_looked", "$.full"}) {
        fiona::run(copies,
                   "UPDATE state SET content = json_set(content, ?1, "
                   "json_extract(content, ?1) - ?2)",
                   time, how_much.count() * 1000);
    }
}
