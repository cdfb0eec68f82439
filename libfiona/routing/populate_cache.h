// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fiona::routing {

/// `<state>/populate-incoming.json`: what INCOMING already has, so that a quiet minute costs one
/// stat(2) per study and no call. Only a memory: without it, or with an old or broken one, the same
/// rows are compared with REDCap again and nothing is written twice; but a copy from the research PACS
/// whose transfer was withdrawn is then taken for a clinical study.
class PopulateCache {
public:
    struct Entry {
        std::int64_t changed_ns = 0; ///< mtime of raw/<Study> when it was read; 0: read it again
        std::string digest{};        ///< StudyOnDisk::digest() of what was recorded or refused
        std::int64_t refused = 0;    ///< seconds since 1970 when REDCap refused it; 0: it took it
        std::int64_t conflict = 0;   ///< the same, when a request for it was in conflict; 0: none
        bool is_lost = false; ///< it was recorded, and REDCap has it no more: restored, or deleted
        bool is_ours = false; ///< made by de-identification, though its mapping may be gone by now

        friend bool operator==(const Entry&, const Entry&) = default;
    };

    explicit PopulateCache(std::filesystem::path file);

    [[nodiscard]] const Entry* find(const StudyUid& study) const;
    void put(const StudyUid& study, Entry entry);
    [[nodiscard]] bool is_empty() const { return m_entries.empty(); }
    /// When the entries were last compared with REDCap.
    [[nodiscard]] TimePoint compared() const { return m_compared; }
    /// Entries that REDCap does not have are lost. Returns how many are so now, and were not before.
    std::size_t compare(const std::set<StudyUid>& recorded, TimePoint now);
    /// Forgets every study that is not in `present` (sorted).
    void keep_only(const std::vector<StudyUid>& present);
    /// CouplingIndex::digest() of the list that every study was looked up in.
    [[nodiscard]] const std::string& coupling() const { return m_coupling; }
    void set_coupling(const std::string& digest);
    /// Writes the file if anything changed since it was read.
    void save();

private:
    std::filesystem::path m_file;
    std::map<StudyUid, Entry> m_entries;
    std::string m_coupling;
    TimePoint m_compared{};
    bool m_changed = false;
};

} // namespace fiona::routing
