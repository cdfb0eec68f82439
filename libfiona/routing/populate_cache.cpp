// SPDX-License-Identifier: MIT
#include "libfiona/routing/populate_cache.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>

namespace fiona::routing {

namespace {

std::int64_t number(const json::Value& entry, std::string_view key)
{
    const auto* const value = entry.find(key);
    return value == nullptr ? 0 : value->integer();
}

} // namespace

PopulateCache::PopulateCache(std::filesystem::path file) : m_file{std::move(file)}
{
    try {
        const auto text = read_file_if_any(m_file);
        if (!text) {
            return;
        }
        const auto document = json::parse(*text, m_file.native());
        const auto* const studies = document.find("studies");
        if (studies == nullptr) {
            throw Error{Fault::data, "{} is of an older version", m_file.native()};
        }
        m_coupling = document.text("coupling");
        for (const auto& [uid, entry] : studies->object()) {
            m_entries.emplace(StudyUid{uid},
                              Entry{number(entry, "changed_ns"), entry.text("digest"),
                                    number(entry, "refused"), number(entry, "conflict"),
                                    number(entry, "lost") != 0, number(entry, "ours") != 0});
        }
        const auto compared = number(document, "compared");
        m_compared =
            TimePoint{std::chrono::seconds{std::clamp<std::int64_t>(compared, 0, end_of_clock)}};
    } catch (const Error& e) {
        log::warn("cache_forgotten", {{"reason", e.what()}});
        m_entries.clear();
        m_coupling.clear();
        m_compared = {};
        m_changed = true;
    }
}

const PopulateCache::Entry* PopulateCache::find(const StudyUid& study) const
{
    const auto found = m_entries.find(study);
    return found == m_entries.end() ? nullptr : &found->second;
}

void PopulateCache::put(const StudyUid& study, Entry entry)
{
    const auto* const present = find(study);
    if (present == nullptr || *present != entry) {
        m_entries.insert_or_assign(study, std::move(entry));
        m_changed = true;
    }
}

std::size_t PopulateCache::compare(const std::set<StudyUid>& recorded, TimePoint now)
{
    std::size_t lost = 0;
    for (auto& [study, entry] : m_entries) {
        // What REDCap refused was never there.
        if (!entry.is_lost && entry.refused == 0 && !entry.digest.empty()
            && !recorded.contains(study)) {
            entry.is_lost = true;
            ++lost;
        }
    }
    m_compared = now;
    m_changed = true;
    return lost;
}

void PopulateCache::keep_only(const std::vector<StudyUid>& present)
{
    const auto removed = std::erase_if(m_entries, [&](const auto& item) {
        return !std::ranges::binary_search(present, item.first);
    });
    m_changed = m_changed || removed > 0;
}

void PopulateCache::set_coupling(const std::string& digest)
{
    m_changed = m_changed || m_coupling != digest;
    m_coupling = digest;
}

void PopulateCache::save()
{
    if (!m_changed) {
        return;
    }
    json::Object studies;
    for (const auto& [study, entry] : m_entries) {
        json::Object item{{"changed_ns", entry.changed_ns},
                          {"digest", entry.digest},
                          {"refused", entry.refused},
                          {"conflict", entry.conflict}};
        if (entry.is_lost) {
            item.emplace("lost", 1);
        }
        if (entry.is_ours) {
            item.emplace("ours", 1);
        }
        studies.emplace(study.str(), std::move(item));
    }
    const json::Object document{{"compared", epoch_seconds(m_compared)},
                                {"coupling", m_coupling},
                                {"studies", std::move(studies)}};
    make_directories(m_file.parent_path());
    store::write_file(m_file, json::write(document));
    m_changed = false;
}

} // namespace fiona::routing
