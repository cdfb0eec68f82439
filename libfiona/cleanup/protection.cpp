// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/protection.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/folder.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/request_files.h"

#include <algorithm>
#include <filesystem>

namespace fiona::cleanup {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entry_bytes = 65'536;      // a spool entry has about 700
constexpr std::size_t most_request_bytes = 1U << 20U; // a request about 500
constexpr std::size_t most_job_bytes = std::size_t{256} << 20U;

/// Throws Error{Fault::missing} if there is no such directory.
std::vector<std::string> names_in(const fs::path& directory, std::string_view what)
{
    std::vector<std::string> names;
    for (auto& entry : store::Folder{directory, what}.entries()) {
        names.push_back(std::move(entry.name));
    }
    return names;
}

/// Studies of the marks in one directory; a daemon makes it when it starts first.
void add_marks(const fs::path& directory, std::set<StudyUid>& studies)
{
    std::error_code unreadable; // then names_in() says so
    if (!fs::exists(directory, unreadable) && !unreadable) {
        return;
    }
    for (const auto& name : names_in(directory, "the arrival marks")) {
        if (auto mark = store::ArrivalMark::parse(name)) {
            studies.insert(std::move(mark->study));
        }
    }
}

/// The study of a request: by its name, else (old tools may use others) by its content. Nothing: nobody
/// can send a study by it.
std::optional<StudyUid> study_of_request(const fs::path& file)
{
    const auto name = file.filename().native();
    auto prefix = name.substr(0, name.find('_'));
    if (is_uid(prefix)) {
        return StudyUid{std::move(prefix)};
    }
    try {
        const auto text = read_file_if_any(file, most_request_bytes); // nothing: it moved on
        auto study = text ? json::parse(*text, "request").text("study_instance_uid") : "";
        return is_uid(study) ? std::optional{StudyUid{std::move(study)}} : std::nullopt;
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw e.in("a transfer request");
        }
        log::warn("request_unreadable", {{"request", log::uid_tag(name)}});
        return std::nullopt;
    }
}

void add_requests(const fs::path& directory, std::set<StudyUid>& studies)
{
    for (const auto& name : store::files::requests_in(directory)) {
        if (auto study = study_of_request(directory / name)) {
            studies.insert(std::move(*study));
        }
    }
}

} // namespace

std::string_view hold_name(Hold hold)
{
    switch (hold) {
    case Hold::young: return "young";
    case Hold::arriving: return "arriving";
    case Hold::spooled: return "spooled";
    case Hold::unsorted: return "not sorted";
    case Hold::arrival_failed: return "arrival failed";
    case Hold::requested: return "requested";
    case Hold::in_work: return "in work";
    case Hold::in_job: return "in a job";
    case Hold::assigned: return "assigned";
    case Hold::being_assigned: return "being assigned";
    case Hold::not_recorded: return "not recorded";
    case Hold::busy: break;
    }
    return "busy";
}

Protection::Protection(const Config& config) : m_config{config} {}

void Protection::refresh()
{
    // A request goes from waiting to work, an entry of the spool leaves a mark, a mark a line of the list.
    read_requests();
    read_spool();
    read_marks();
    m_arrived.clear();
    for (const auto& line : store::IncomingList{m_config.paths.incoming_list()}.lines()) {
        const TimePoint when{std::chrono::seconds{line.arrived}};
        auto& known = m_arrived.try_emplace(line.study, when).first->second;
        known = std::max(known, when);
    }
    m_jobs = read_file_if_any(m_config.paths.job_list(), most_job_bytes).value_or("");
}

void Protection::read_spool()
{
    const auto directory = m_config.paths.spool() / "new";
    std::map<std::string, StudyUid> now;
    for (auto& name : names_in(directory, "the spool")) {
        if (name.front() == '.' || !name.ends_with(".json")) {
            continue;
        }
        if (const auto known = m_spooled.find(name); known != m_spooled.end()) {
            now.insert(*known);
            continue;
        }
        const auto text = read_file_if_any(directory / name, most_entry_bytes);
        if (!text) {
            continue; // processed meanwhile
        }
        try {
            now.emplace(std::move(name), json::parse(*text, "an entry of the spool").text("study"));
        } catch (const Error& e) {
            throw Error{Fault::temporary,
                        "{}; fiona-process-file sets it aside, and until then nothing is removed",
                        e.what()};
        }
    }
    m_spooled = std::move(now);
    m_spooled_studies.clear();
    for (const auto& entry : m_spooled) {
        m_spooled_studies.insert(entry.second);
    }
}

void Protection::read_marks()
{
    m_arriving.clear();
    m_failed_arrivals.clear();
    const auto arrived = m_config.paths.arrived();
    static_cast<void>(names_in(arrived, "the arrival marks")); // must be there
    add_marks(arrived, m_arriving);
    add_marks(arrived / ".work", m_arriving);
    add_marks(arrived / ".failed", m_failed_arrivals);
}

void Protection::read_requests()
{
    m_requested.clear();
    m_in_work.clear();
    const auto& paths = m_config.paths;
    static_cast<void>(names_in(paths.requests(), "the transfer requests")); // must be there
    add_requests(paths.requests(), m_requested);
    add_requests(paths.held(), m_requested);
    for (const auto& directory : store::files::work_directories(paths)) {
        add_requests(directory, m_in_work);
    }
}

std::optional<Hold> Protection::hold(const StudyUid& study) const
{
    if (m_in_work.contains(study)) {
        return Hold::in_work;
    }
    if (m_requested.contains(study)) {
        return Hold::requested;
    }
    if (m_spooled_studies.contains(study)) {
        return Hold::spooled;
    }
    if (m_arriving.contains(study) || has_open_association(study)) {
        return Hold::arriving;
    }
    return m_jobs.find(study.str()) != std::string::npos ? std::optional{Hold::in_job}
                                                         : std::nullopt;
}

/// ArrivalMarks makes its directories, and a dry run changes nothing: without them no receiver of ours
/// has ever run.
bool Protection::has_open_association(const StudyUid& study) const
{
    try {
        return fs::exists(m_config.paths.arrived() / ".open")
               && store::ArrivalMarks{m_config.paths.arrived()}.has_open_association(study);
    } catch (const fs::filesystem_error& e) {
        throw os_error(e.code().value(), "read the notes of open associations");
    }
}

bool Protection::has_failed_arrival(const StudyUid& study) const
{
    return m_failed_arrivals.contains(study);
}

std::optional<TimePoint> Protection::arrived(const StudyUid& study) const
{
    const auto found = m_arrived.find(study);
    return found == m_arrived.end() ? std::nullopt : std::optional{found->second};
}

} // namespace fiona::cleanup
