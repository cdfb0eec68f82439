// SPDX-License-Identifier: MIT
#include "libfiona/workflow/start.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/jobs/file_tree.h"
#include "libfiona/jobs/ror_folder.h"
#include "libfiona/pacs/query.h"
#include "libfiona/pacs/retrieve.h"
#include "libfiona/store/folder.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace fiona::workflow {

namespace fs = std::filesystem;

namespace {

/// `path` as it is when all links are followed, as far as it is there.
fs::path resolved(const fs::path& path)
{
    std::error_code problem;
    auto result = fs::weakly_canonical(path, problem);
    if (problem) {
        throw os_error(problem.value(), "look at a ror_folder");
    }
    return result;
}

bool is_below(const fs::path& path, const fs::path& top)
{
    const auto [rest, end] = std::mismatch(top.begin(), top.end(), path.begin(), path.end());
    static_cast<void>(end);
    return rest == top.end();
}

/// Those of which no series lay on this machine.
std::vector<std::string> fetched_studies(const std::vector<jobs::InputSeries>& input,
                                         const fs::path& fetched)
{
    std::set<std::string> studies;
    for (const auto& series : input) {
        studies.insert(series.study.str());
    }
    for (const auto& series : input) {
        if (!is_below(series.source, fetched)) {
            studies.erase(series.study.str());
        }
    }
    return {studies.begin(), studies.end()};
}

std::string unique_batch_name()
{
    constexpr std::size_t random_size = 8;
    return "fiona-" + to_hex(random_bytes(random_size));
}

} // namespace

bool is_inside(const jobs::JobSettings& settings, const fs::path& folder)
{
    const auto place = resolved(folder);
    return std::ranges::any_of(
        settings.roots, [&](const fs::path& root) { return is_below(place, resolved(root)); });
}

fs::path fetched_of(const fs::path& folder)
{
    return folder.native() + "_fetched";
}

Start::Start(const Config& config, const jobs::JobSettings& settings,
             const jobs::JobRecords& records, std::function<pacs::Peer()> archive,
             std::string program)
    : m_config{config}, m_settings{settings}, m_records{records}, m_archive{std::move(archive)},
      m_program{std::move(program)}, m_tree{config.paths}
{
}

fs::path Start::ror_folder(const jobs::Job& job) const
{
    if (job.ror_folder.empty()) {
        return m_settings.folder / ProjectName{job.project}.str() / "ror";
    }
    const fs::path wanted{job.ror_folder};
    if (!wanted.is_absolute()
        || std::ranges::any_of(wanted, [](const fs::path& part) { return part == ".."; })) {
        throw Error{Fault::data, "ror_folder is no absolute path without .."};
    }
    auto folder = resolved(wanted);
    if (!is_inside(m_settings, folder)) {
        throw Error{Fault::data, "ror_folder lies outside of the site's folders (JOBS.roots)"};
    }
    return folder;
}

Plan Start::plan(const jobs::Job& job) const
{
    Plan result;
    result.image = jobs::image_settings(m_settings, job.image);
    static_cast<void>(jobs::destination_of(m_settings, job.destination));
    const auto folder = ror_folder(job);
    result.folder = folder / jobs::folder_name(job.number, job.image, job.id);
    result.sets = jobs::sets_of(job, m_tree, folder);
    return result;
}

std::vector<jobs::InputSeries> Start::gather(const Plan& plan) const
{
    auto input = jobs::input_of(plan.sets.at(0), m_tree);
    for (auto& series : input) {
        if (series.files.empty()) {
            fetch(series, fetched_of(plan.folder) / series.series.str());
        }
    }
    return input;
}

void Start::fetch(jobs::InputSeries& series, const fs::path& directory) const
{
    const auto peer = m_archive();
    const pacs::Wanted wanted{series.study, series.series};
    pacs::QuerySession session{peer};
    const auto holdings = pacs::find_holdings(session, wanted);
    const auto name = log::uid_tag(series.series.str());
    if (holdings.empty()) {
        throw Error{Fault::data, "series {} is neither on this machine nor in the research PACS",
                    name};
    }
    make_directories(directory);
    auto retrieved = pacs::get(peer, wanted, holdings, directory);
    if (!retrieved.is_complete()) {
        throw Error{Fault::temporary, "not all images of series {} came from the research PACS",
                    name};
    }
    std::ranges::sort(retrieved.files);
    series.files = std::move(retrieved.files);
    series.source = directory;
}

void Start::prepare(const jobs::Job& job, const Plan& plan, jobs::JobRecord& record, TimePoint now)
{
    // Whoever runs it holds this. One that was begun and is late finds another attempt in the record.
    const FileLock lock{m_records.run_lock(job.id)};
    record.folder = plan.folder; // also of a job that fails in here: something may lie there
    const auto input = gather(plan);
    jobs::make_ror_folder(plan.folder, input);
    record.fetched_studies = fetched_studies(input, fetched_of(plan.folder));
    store::remove_tree(fetched_of(plan.folder));
    record.state = jobs::JobState::running;
    ++record.attempt;
    record.engine = jobs::engine_name(plan.image.engine);
    record.image = job.image;
    record.options = job.options;
    record.begun = now;
    record.batch = m_settings.uses_slurm ? unique_batch_name() : "";
    record.slurm_job.clear();
    m_records.store(record);
    if (m_settings.uses_slurm) {
        m_prepared.push_back({record, plan.image});
    }
    log::info("job_begun", {{"job", job.id},
                            {"project", job.project},
                            {"engine", record.engine},
                            {"attempt", record.attempt}});
}

void Start::begin_here(const jobs::JobRecord& record) const
{
    constexpr std::chrono::seconds patience{20};
    constexpr int step_ms = 5;
    make_directories(m_config.paths.logs());
    start_in_background({m_program, "task", record.id, "--attempt", std::to_string(record.attempt),
                         "--config", fs::absolute(m_config.file).native()},
                        m_config.paths.logs() / "fiona-run-one-job-task.log");
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!FileLock::holder(m_records.run_lock(record.id)) && !m_records.exit_of(record)) {
        if (std::chrono::steady_clock::now() > until) {
            log::warn("job_not_seen", {{"job", record.id}});
            return; // the next look tells whether it died
        }
        ::poll(nullptr, 0, step_ms);
    }
}

void Start::submit_batch(std::vector<Prepared> batch) const
{
    const auto name = batch.front().record.batch;
    std::vector<jobs::JobRecords::BatchTask> tasks;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i].record.batch = name;
        batch[i].record.slurm_task = static_cast<unsigned>(i);
        m_records.store(batch[i].record);
        tasks.push_back({batch[i].record.id, batch[i].record.attempt});
    }
    m_records.store_batch(name, tasks);
    jobs::SlurmBatch order{.name = name,
                           .tasks = batch.size(),
                           .limits = batch.front().image,
                           .max_parallel = m_settings.max_parallel,
                           .directory = m_records.batch_directory(),
                           .command = {m_program, "task", "--batch", name, "--config",
                                       fs::absolute(m_config.file).native()}};
    try {
        const auto number = jobs::submit(m_settings.slurm, order);
        for (auto& one : batch) {
            one.record.slurm_job = number;
            m_records.store(one.record);
        }
        log::info("jobs_submitted", {{"slurm", number}, {"tasks", batch.size()}});
    } catch (const Error&) {
        // Should it be there all the same, its tasks find records that are not theirs.
        for (auto& one : batch) {
            one.record.state = jobs::JobState::waiting;
            m_records.store(one.record);
        }
        throw;
    }
}

void Start::submit_prepared()
{
    using Limits = std::tuple<std::uint64_t, unsigned, std::chrono::seconds, bool>;
    std::map<Limits, std::vector<Prepared>> batches;
    for (auto& one : std::exchange(m_prepared, {})) {
        const auto& image = one.image;
        batches[{image.memory_bytes, image.cpus, image.time, image.has_gpu}].push_back(
            std::move(one));
    }
    std::optional<Error> problem;
    for (auto& [limits, batch] : batches) {
        try {
            submit_batch(std::move(batch));
        } catch (const Error& e) {
            problem.emplace(e);
        }
    }
    if (problem) {
        throw Error{*problem};
    }
}

} // namespace fiona::workflow
