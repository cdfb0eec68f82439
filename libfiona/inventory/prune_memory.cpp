// SPDX-License-Identifier: MIT
#include "libfiona/inventory/prune_memory.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/format.h>

namespace fiona::inventory {

namespace {

std::optional<TimePoint> parse_time(std::string_view text)
{
    const auto seconds = read_number<std::int64_t>(text);
    return seconds >= 0 ? std::optional{TimePoint{std::chrono::seconds{*seconds}}} : std::nullopt;
}

} // namespace

PruneMemory::PruneMemory(std::filesystem::path file) : m_file{std::move(file)}
{
    const auto text = read_file_if_any(m_file).value_or("");
    for (const auto line : split(text, '\n')) {
        if (line.empty()) {
            continue;
        }
        const auto parts = split(line, '\t');
        const auto since = parts.size() == 2 ? parse_time(parts[1]) : std::nullopt;
        if (!since || !is_uid(parts[0])) {
            throw Error{Fault::data, "{} is damaged: remove it, and the waiting time begins anew",
                        m_file.native()};
        }
        m_missing.emplace(parts[0], *since);
    }
}

std::optional<TimePoint> PruneMemory::missing_since(const std::string& study) const
{
    const auto found = m_missing.find(study);
    return found == m_missing.end() ? std::nullopt : std::optional{found->second};
}

void PruneMemory::note_missing(const std::string& study, TimePoint now)
{
    m_is_changed = m_missing.emplace(study, now).second || m_is_changed;
}

void PruneMemory::forget(const std::string& study)
{
    m_is_changed = m_missing.erase(study) > 0 || m_is_changed;
}

void PruneMemory::keep_only(const std::set<std::string>& studies)
{
    m_is_changed =
        std::erase_if(m_missing, [&](const auto& line) { return !studies.contains(line.first); })
            > 0
        || m_is_changed;
}

void PruneMemory::save()
{
    if (!m_is_changed) {
        return;
    }
    std::string text;
    for (const auto& [study, since] : m_missing) {
        text += fmt::format("{}\t{}\n", study, epoch_seconds(since));
    }
    make_directories(m_file.parent_path());
    store::write_file(m_file, text);
    m_is_changed = false;
}

} // namespace fiona::inventory
