// SPDX-License-Identifier: MIT
#include "libfiona/transfer/handled.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

#include <sys/stat.h>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

/// Of the archive file behind a link; 0 if it is gone.
std::int64_t changed_at(const fs::path& object)
{
    struct stat status {};
    constexpr std::int64_t nanoseconds = 1'000'000'000;
    return ::stat(object.c_str(), &status) == 0
               ? status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec
               : 0;
}

} // namespace

Handled::Handled(const Paths& paths, const SeriesUid& series)
    : m_file{paths.state() / "returned" / (series.str() + ".json")}
{
    const auto text = read_file_if_any(m_file);
    if (!text) {
        return;
    }
    try {
        const auto document = json::parse(*text, "a list of handled objects");
        if (const auto* const objects = document.find("objects"); objects != nullptr) {
            for (const auto& [sop, changed] : objects->object()) {
                m_objects.emplace(sop, changed.integer());
            }
        }
        m_must_run_command = document.text("fate") == "command failed";
    } catch (const Error&) { // sent once more, which is harmless
        log::warn("handled_list_unreadable", {{"series", series}});
        m_objects.clear();
    }
}

std::vector<fs::path> Handled::news(const std::vector<fs::path>& objects) const
{
    std::vector<fs::path> news;
    for (const auto& object : objects) {
        const auto known = m_objects.find(object.filename().native());
        if (known == m_objects.end() || known->second != changed_at(object)) {
            news.push_back(object);
        }
    }
    return news;
}

void Handled::note(const std::vector<fs::path>& objects, Fate fate)
{
    for (const auto& object : objects) {
        m_objects.insert_or_assign(object.filename().native(), changed_at(object));
    }
    m_must_run_command =
        fate == Fate::command_failed || (fate == Fate::refused && m_must_run_command);
    json::Object list;
    for (const auto& [sop, changed] : m_objects) {
        list.emplace(sop, changed);
    }
    const auto* const word = m_must_run_command      ? "command failed"
                             : fate == Fate::refused ? "refused"
                                                     : "sent";
    make_directories(m_file.parent_path());
    store::write_file(
        m_file, json::write(json::Object{{"fate", word}, {"objects", std::move(list)}}) + "\n");
}

} // namespace fiona::transfer
