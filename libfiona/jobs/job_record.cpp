// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_record.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/words.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr WordTable<JobState, 4> state_names{{{JobState::waiting, "waiting"},
                                              {JobState::running, "running"},
                                              {JobState::done, "done"},
                                              {JobState::failed, "failed"}}};

JobState state_of(const std::string& name)
{
    const auto state = meaning_of(state_names, name);
    if (!state) {
        throw Error{Fault::data, "the record of a job has an unknown state"};
    }
    return *state;
}

std::int64_t number(const json::Value& document, std::string_view key)
{
    const auto* const value = document.find(key);
    return value != nullptr && value->is_integer() ? value->integer() : 0;
}

std::int64_t microseconds(TimePoint when)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
}

TimePoint time_of(const json::Value& document, std::string_view key)
{
    return TimePoint{std::chrono::microseconds{number(document, key)}};
}

bool flag(const json::Value& document, std::string_view key)
{
    const auto* const value = document.find(key);
    return value != nullptr && value->is_bool() && value->boolean();
}

bool is_older(const fs::path& file, TimePoint before)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 && Clock::from_time_t(status.st_mtim.tv_sec) < before;
}

} // namespace

std::string_view state_name(JobState state)
{
    return word_of(state_names, state);
}

json::Object as_document(const JobExit& ended)
{
    constexpr int signal_base = 128;
    const bool is_signal = ended.code > signal_base;
    return {{"exit", is_signal ? json::Value{} : json::Value{ended.code}},
            {"signal", is_signal ? json::Value{ended.code - signal_base} : json::Value{}},
            {"stopped", ended.stopped.empty() ? json::Value{} : json::Value{ended.stopped}},
            {"started", iso8601_utc(ended.begun)},
            {"ended", iso8601_utc(ended.ended)},
            {"max_rss_kb", ended.max_rss_kib}};
}

JobRecords::JobRecords(const fs::path& state_directory) : m_directory{state_directory / "jobs"} {}

void JobRecords::prepare() const
{
    make_directories(m_directory);
}

fs::path JobRecords::file(const std::string& id, std::string_view what) const
{
    return m_directory / fmt::format("{}.{}", id, what);
}

fs::path JobRecords::run_lock(const std::string& id) const
{
    return file(id, "run");
}

JobRecord JobRecords::load(const std::string& id) const
{
    JobRecord record;
    record.id = id;
    const auto text = read_file_if_any(file(id, "json"));
    if (!text) {
        return record;
    }
    const auto document = json::parse(*text, "record of a job");
    record.state = state_of(document.text("state"));
    record.attempt = static_cast<unsigned>(number(document, "attempt"));
    record.deaths = static_cast<unsigned>(number(document, "deaths"));
    record.engine = document.text("engine");
    record.image = document.text("image");
    record.folder = document.text("folder");
    record.options = document.text("options");
    record.begun = time_of(document, "begun_us");
    record.batch = document.text("batch");
    record.slurm_job = document.text("slurm_job");
    record.slurm_task = static_cast<unsigned>(number(document, "slurm_task"));
    if (const auto* const fetched = document.find("fetched_studies"); fetched != nullptr) {
        for (const auto& study : fetched->array()) {
            record.fetched_studies.push_back(study.text());
        }
    }
    record.is_sent = flag(document, "is_sent");
    record.is_recorded = flag(document, "is_recorded");
    record.images = static_cast<std::size_t>(number(document, "images"));
    record.values = static_cast<std::size_t>(number(document, "values"));
    record.reason = document.text("reason");
    return record;
}

void JobRecords::store(const JobRecord& record) const
{
    json::Array fetched;
    for (const auto& study : record.fetched_studies) {
        fetched.emplace_back(study);
    }
    const json::Object document{{"state", state_name(record.state)},
                                {"attempt", record.attempt},
                                {"deaths", record.deaths},
                                {"engine", record.engine},
                                {"image", record.image},
                                {"folder", record.folder.native()},
                                {"options", record.options},
                                {"begun", iso8601_utc(record.begun)},
                                {"begun_us", microseconds(record.begun)},
                                {"batch", record.batch},
                                {"fetched_studies", std::move(fetched)},
                                {"slurm_job", record.slurm_job},
                                {"slurm_task", record.slurm_task},
                                {"is_sent", record.is_sent},
                                {"is_recorded", record.is_recorded},
                                {"images", record.images},
                                {"values", record.values},
                                {"reason", record.reason}};
    store::write_file(file(record.id, "json"), json::write(document, json::Style::pretty));
}

std::optional<JobExit> JobRecords::exit_of(const JobRecord& record) const
{
    const auto text = read_file_if_any(file(record.id, "exit"));
    if (!text) {
        return std::nullopt;
    }
    const auto document = json::parse(*text, "end of a job");
    JobExit ended;
    ended.attempt = static_cast<unsigned>(number(document, "attempt"));
    ended.code = static_cast<int>(number(document, "code"));
    ended.stopped = document.text("stopped");
    ended.begun = time_of(document, "begun_us");
    ended.ended = time_of(document, "ended_us");
    ended.max_rss_kib = number(document, "max_rss_kb");
    return ended.attempt == record.attempt ? std::optional{ended} : std::nullopt;
}

void JobRecords::store_exit(const std::string& id, const JobExit& ended) const
{
    const json::Object document{{"attempt", ended.attempt},
                                {"code", ended.code},
                                {"stopped", ended.stopped},
                                {"begun_us", microseconds(ended.begun)},
                                {"ended_us", microseconds(ended.ended)},
                                {"max_rss_kb", ended.max_rss_kib}};
    store::write_file(file(id, "exit"), json::write(document, json::Style::pretty));
}

bool JobRecords::was_begun(const JobRecord& record) const
{
    return read_file_if_any(file(record.id, "begun")) == std::to_string(record.attempt);
}

void JobRecords::note_begin(const std::string& id, unsigned attempt) const
{
    store::write_file(file(id, "begun"), std::to_string(attempt));
}

void JobRecords::store_batch(const std::string& name, const std::vector<BatchTask>& tasks) const
{
    make_directories(batch_directory());
    json::Array list;
    for (const auto& task : tasks) {
        list.emplace_back(json::Object{{"id", task.id}, {"attempt", task.attempt}});
    }
    store::write_file(batch_directory() / (name + ".json"), json::write(list));
}

JobRecords::BatchTask JobRecords::batch_task(const std::string& name, std::size_t task) const
{
    const auto document =
        json::parse(read_file(batch_directory() / (name + ".json")), "batch of jobs");
    if (task >= document.array().size()) {
        throw Error{Fault::missing, "the batch has no task {}", task};
    }
    const auto& entry = document.array()[task];
    return {entry.text("id"), static_cast<unsigned>(number(entry, "attempt"))};
}

std::vector<std::string> JobRecords::sent(const std::string& id) const
{
    std::vector<std::string> uids;
    if (const auto text = read_file_if_any(file(id, "sent"))) {
        const auto document = json::parse(*text, "sent images of a job");
        for (const auto& uid : document.array()) {
            uids.push_back(uid.string());
        }
    }
    return uids;
}

void JobRecords::store_sent(const std::string& id, const std::vector<std::string>& uids) const
{
    json::Array list;
    for (const auto& uid : uids) {
        list.emplace_back(uid);
    }
    store::write_file(file(id, "sent"), json::write(list));
}

std::vector<std::string> JobRecords::with_folders(TimePoint before) const
{
    std::vector<std::string> ids;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{m_directory, none}) {
        const auto id = entry.path().stem().native();
        if (entry.path().extension() == ".run" && is_older(file(id, "json"), before)) {
            ids.push_back(id);
        }
    }
    std::ranges::sort(ids);
    return ids;
}

void JobRecords::note_tidied(const std::string& id) const
{
    for (const auto* const what : {"exit", "begun", "sent", "run"}) { // by the last it is found
        fs::remove(file(id, what));
    }
}

void JobRecords::forget(TimePoint before) const
{
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{m_directory, none}) {
        const auto id = entry.path().stem().native();
        if (entry.path().extension() != ".json" || !is_older(entry.path(), before)
            || fs::exists(run_lock(id))) {
            continue;
        }
        try {
            const auto state = load(id).state;
            if (state == JobState::done || state == JobState::failed) {
                fs::remove(entry.path());
            }
        } catch (const Error& e) { // no reason to stop the others
            log::warn("job_record_kept", {{"job", id}, {"reason", e.what()}});
        }
    }
    for (const auto& entry : fs::directory_iterator{batch_directory(), none}) {
        if (entry.path().filename() != "slurm-task" && is_older(entry.path(), before)) {
            fs::remove(entry.path(), none);
        }
    }
}

} // namespace fiona::jobs
